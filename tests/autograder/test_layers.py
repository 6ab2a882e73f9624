"""The package is read from the top: what comes later in this list never imports what comes earlier."""

import ast

from autograder.course import ROOT

LAYERS = [
    "cli",
    "collect",
    "simulate",
    "batch",
    "converter",
    "record",
    "report",
    "feedback",
    "export",
    "grade",
    "unsandboxed",
    "engine.examiner",
    "engine.definitions",
    "engine.student",
    "engine.scratch",
    "engine.sandbox",
    "engine.channel",
    "engine.randomness",
    "diagnosis",
    "submission",
    "release",
    "verdict",
    "bank",
    "master",
    "course",
]


def _imports(path):
    """Modules of this package that a module imports, without the package's name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "autograder":
            inside = node.module.removeprefix("autograder").lstrip(".")
            names = [f"{inside}.{alias.name}".strip(".") for alias in node.names]
            found |= {name for name in names if name in LAYERS} or {inside}
    return found


def test_every_module_has_its_place():
    package = ROOT / "autograder"
    modules = {".".join(path.relative_to(package).with_suffix("").parts) for path in package.rglob("*.py")}
    assert {name for name in modules if not name.endswith("__init__")} == set(LAYERS)


def test_no_module_imports_what_comes_before_it():
    for place, name in enumerate(LAYERS):
        path = ROOT / "autograder" / (name.replace(".", "/") + ".py")
        for imported in _imports(path):
            assert LAYERS.index(imported) > place, f"{name} imports {imported}, which comes before it"
