"""Where things are: the repository, its chapters, and the folders of a running class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class CourseError(Exception):
    """Something the user can put right; the message says what was expected, what was found and what to do."""


@dataclass(frozen=True)
class Course:
    """The folders of one course repository. A chapter is a folder `solutions/<chapter>` with its master in it."""

    root: Path = ROOT

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def exercises(self) -> Path:
        return self.root / "exercises"

    def chapters(self) -> list[str]:
        """Names of the chapters that have a master, in alphabetical order."""
        return sorted(path.stem for path in self.solutions.glob("*/*.py") if path.stem == path.parent.name)

    def master(self, chapter: str) -> Path:
        """Path of a chapter's master; raises CourseError for a chapter that has none."""
        if chapter not in self.chapters():
            known = ", ".join(self.chapters()) or "none"
            raise CourseError(
                f"unknown chapter {chapter!r}: no solutions/{chapter}/{chapter}.py. Known chapters: {known}"
            )
        return self.solutions / chapter / f"{chapter}.py"

    def data_files(self, chapter: str) -> list[Path]:
        """Files that students get beside the notebook: all in the folder but Python, notebooks and their backups."""
        folder = self.master(chapter).parent
        return sorted(path for path in folder.iterdir() if path.is_file() and not _is_kept_back(path.name))


def _is_kept_back(name: str) -> bool:
    """Hidden files, and what an editor, a merge or Jupyter makes of a master."""
    kinds = {"py", "py~", "pyc", "ipynb"}
    return name.startswith((".", "~", "#")) or name.endswith("~") or not kinds.isdisjoint(name.split("."))
