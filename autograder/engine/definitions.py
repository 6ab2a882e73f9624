"""Whether a notebook only adds definitions, so that a test may run at the end and see what it would have seen before.

A test belongs to its place: what later cells do must not change what it sees. Where they do nothing but define other
things, the end of the notebook is as good a place, and costs no copy of the process.
"""

from __future__ import annotations

import ast
import functools
import symtable
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

_STATEMENTS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)


def only_adds(cells: Iterable[tuple[str, bool]], parts: Set[str]) -> bool:
    """Whether no cell changes what the cells before it have defined. When in doubt, it does.

    `cells` are sources in their order, each with whether the author of the course wrote it; of a student's, anything
    but definitions, imports and constants counts as a change. `parts` are the names that tests ask for.
    """
    imported: dict[str, str] = {}
    bound: set[str] = set()
    read: set[str] = set()  # names that functions will look up when they are called
    for source, is_authors in cells:
        found = _look_at(source, is_authors)
        if found is None:
            return False
        for name in found.bound:
            is_same = name in found.imports and found.imports[name] == imported.get(name)
            if not is_same and (name in read or (name in parts and name in bound)):
                return False
        bound |= found.bound
        imported |= found.imports
        read |= found.read
    return True


class _Cell(NamedTuple):
    bound: frozenset[str]
    imports: dict[str, str]  # of the names that are bound: what was imported
    read: frozenset[str]  # by functions, when they are called


@functools.lru_cache(maxsize=1000)  # many cells are the same in every notebook
def _look_at(source: str, is_authors: bool) -> _Cell | None:
    """What a cell defines, and what its functions look up; None where it does more than that."""
    if is_authors:  # lines for IPython alone
        source = "\n".join("pass" if line.startswith(("%", "!")) else line for line in source.splitlines())
    try:
        tree = ast.parse(source)
        table = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return None
    imports = dict(_imports(tree))
    if "*" in imports or not (is_authors or all(map(_is_definition, tree.body))):
        return None
    symbols = [symbol for inner in _functions(table) for symbol in inner.get_symbols()]
    if any(symbol.is_declared_global() and symbol.is_assigned() for symbol in symbols):
        return None
    return _Cell(
        frozenset(one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()),
        imports,
        frozenset(one.get_name() for one in symbols if one.is_global() and one.is_referenced()),
    )


def _is_definition(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        calls = (ast.Call, ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)
        return all(isinstance(target, ast.Name) for target in targets) and not any(
            isinstance(node, calls) for node in ast.walk(statement)
        )
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, _STATEMENTS)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that are bound by import statements at the top, and to what."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for one in statement.names:
                yield one.asname or one.name.partition(".")[0], one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(statement, ast.ImportFrom):
            for one in statement.names:
                yield one.asname or one.name, f"{'.' * statement.level}{statement.module}:{one.name}"


def _functions(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _functions(child)
