"""What the tests of all exercises share: an exercise's notebook with all answers right, run as a kernel would."""

import contextlib
from pathlib import Path

import pytest

from autograder.master import Cell, Master


class Notebook:
    """The cells of a master, and what a kernel would hold after running some of them."""

    def __init__(self, master: Master):
        self.master = master
        self.code = [cell for cell in master.cells if cell.cell_type == "code"]
        self.answered = [cell for cell in self.code if cell.is_provided or cell.is_solution]

    def showcase(self, text: str) -> Cell:
        """The showcase cell that holds `text`."""
        (cell,) = [cell for cell in self.code if cell.is_showcase and text in cell.source]
        return cell

    def run(
        self, cells: list[Cell], before: dict | None = None, *, quick: bool = False, folder: Path | None = None
    ) -> dict:
        """The names that a kernel holds after these cells, run in order in the student's folder, pictures drawn by Agg.

        `before` is what it held when the first of them began. `quick` is as a grader runs them: long cells are short.
        `folder` is another folder, for cells that leave something in it.
        """
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        names = dict(before or {"__name__": "__main__"})
        with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder or self.master.path.parent):
            if quick:
                patch.setenv("NBGRADER_EXECUTION", "autograde")
            else:
                patch.delenv("NBGRADER_EXECUTION", raising=False)
            for cell in cells:
                exec(compile(cell.source, f"<{cell.cell_id}, line {cell.line}>", "exec"), names)
                plt.close("all")
        return names


@pytest.fixture(scope="module")
def notebook(request) -> Notebook:
    """The notebook of the module's `MASTER`."""
    return Notebook(request.module.MASTER)


@pytest.fixture(scope="module")
def short_run(notebook) -> dict:
    """The whole notebook with all answers right, as a grader runs it."""
    return notebook.run(notebook.code, quick=True)
