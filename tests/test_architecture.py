"""The rules of the house (ARCHITECTURE.md), executable. They are read off the syntax, so that an import hidden inside a
function or behind TYPE_CHECKING counts like any other, and that nothing heavy is imported to check them."""

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "lesionkit"
FILES = sorted(SOURCE.rglob("*.py"))

STAGES = {
    "read",
    "write",
    "prepare",
    "sample",
    "nets",
    "learn",
    "infer",
    "evaluate",
    "report",
    "engine",
    "phantoms",
    "runs",
    "archive",
    "review",
}

ROOMS = {
    "core": set(),
    **{
        room: {"core"}
        for room in (
            *("phantoms", "read", "write", "prepare", "sample", "nets", "engine", "evaluate", "runs", "archive"),
            "review",
        )
    },
    "learn": {"core", "nets"},
    "infer": {"core", "nets"},
    "report": {"core", "evaluate"},
    "view": {"core", "report"},
    "recipes": {"core", "runs", "view", *STAGES},
    # And the stage its verb names, see CLI_STAGE.
    "cli": {"core", "recipes", "runs"},
}
"""Room -> the rooms it may import, beside itself."""

CLI_STAGE = {
    "evaluate": {"evaluate", "read", "report"},
    "cache": {"prepare"},
    "doctor": {"prepare"},
    "index": {"read"},
    "info": {"read"},
    "listen": {"archive"},
    "phantom": {"phantoms"},
    "score_table": {"evaluate"},
    "send": {"archive"},
    "view": {"review"},
    "train": {"learn"},
}
"""File of cli -> the rooms it may import beside core and recipes."""

LIBRARIES = {
    "torch": {"nets", "learn", "infer", "sample"},
    "lightning": {"nets", "learn", "infer", "sample"},
    "monai": {"nets", "learn", "infer", "sample"},
    "torchvision": {"nets", "learn", "infer", "sample"},
    "timm": {"nets"},
    "onnx": {"nets"},
    "onnxruntime": {"nets"},
    "zarr": {"write"},
    "segmentation_models_pytorch": {"nets", "learn"},
    "imagecodecs": {"read", "write"},
    "pydicom": {"read", "write", "archive"},
    "pynetdicom": {"archive"},
    "dicomweb_client": {"archive"},
    "requests": {"archive"},
    "highdicom": {"read", "write"},
    "openslide": {"read", "write"},
    "tifffile": {"read", "write"},
    "SimpleITK": {"read", "write", "prepare"},
    "nibabel": {"read", "review"},
    "starlette": {"review"},
    "uvicorn": {"review"},
    "matplotlib": {"report"},
    "ray": {"engine"},
    "sklearn": {"evaluate", "infer"},
    "typer": {"cli"},
    "optuna": {"recipes"},
}
"""Third-party package -> the only rooms that may import it."""

LIGHT = {"typer", "lesionkit"} | {
    "__future__",
    "ast",
    "collections",
    "contextlib",
    "dataclasses",
    "difflib",
    "enum",
    "errno",
}
LIGHT |= {"functools", "importlib", "inspect", "io", "math", "os", "pathlib", "re", "sys", "textwrap", "time", "typing"}
LIGHT |= {"warnings"}
"""What a file of cli may import before its verb runs."""

FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "base_classes", "types"}

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60

LONG_FILES: dict[str, str] = {}
"""Files above the budget -> why. The list only shrinks: an entry that is no longer needed fails."""

LONG_FUNCTIONS: dict[str, str] = {}
"""Functions above the budget, "room/file.py:name" -> why."""


def name_of(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in FILES}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports_of(file: Path, tree: ast.AST | None = None) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything a file imports, by statement or by importlib with a literal."""
    package = name_of(file) if file.name == "__init__.py" else name_of(file).rpartition(".")[0]
    for node in ast.walk(tree or ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield node.lineno, full if full in MODULES else module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from ((node.lineno, a.value) for a in node.args[:1] if isinstance(a, ast.Constant))


def parameters(files: list[Path]) -> list:
    return [pytest.param(file, id=str(file.relative_to(SOURCE))) for file in files]


@pytest.mark.parametrize("file", parameters(FILES))
def test_a_room_imports_only_the_rooms_it_may(file):
    room = room_of(name_of(file))
    if file.parent == SOURCE:
        ours = {name for _, name in imports_of(file) if name.startswith("lesionkit")}
        assert ours <= ({"lesionkit.cli.main"} if file.name == "__main__.py" else set())
        return
    assert room in ROOMS, f"{room} is no room of the house; see ROOMS"
    allowed = ROOMS[room] | {room, ""} | (CLI_STAGE.get(file.stem, set()) if room == "cli" else set())
    for line, name in imports_of(file):
        if name == "lesionkit" or name.startswith("lesionkit."):
            assert room_of(name) in allowed, f"{file}:{line}: {room} must not import {name}"


@pytest.mark.parametrize("file", parameters(FILES))
def test_a_library_is_imported_only_where_it_belongs(file):
    room = room_of(name_of(file))
    for line, name in imports_of(file):
        rooms = LIBRARIES.get(name.split(".")[0])
        assert rooms is None or room in rooms, f"{file}:{line}: {name} belongs in {sorted(rooms)} only"


@pytest.mark.parametrize("file", parameters(sorted((SOURCE / "cli").rglob("*.py"))))
def test_a_verb_imports_nothing_heavy_before_it_runs(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    top = ast.Module([n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.ClassDef | ast.If)], [])
    for line, name in imports_of(file, top):
        light = name.split(".")[0] in LIGHT and not name.startswith("lesionkit.")
        assert light or name.startswith(("lesionkit.cli", "lesionkit.core.errors")), f"{file}:{line}: {name} is heavy"


KINDS = {folder.name for folder in (SOURCE / "recipes").iterdir() if (folder / "kind.py").is_file()}
OF_A_KIND = (
    "settings",
    "truth",
    "data",
    "prepare",
    "train",
    "search",
    "score",
    "page",
    "phantom",
    "hand",
    "review",
    "kind",
)
"""Files that every kind of image has."""


@pytest.mark.parametrize("file", parameters(sorted((SOURCE / "recipes").rglob("*.py"))))
def test_a_kind_of_image_imports_no_other_and_what_they_share_imports_none(file):
    kind = file.parent.name if file.parent.name in KINDS else None
    for line, name in imports_of(file):
        parts = name.split(".")
        if parts[:2] == ["lesionkit", "recipes"] and len(parts) > 2 and parts[2] in KINDS:
            assert parts[2] == kind, f"{file}:{line}: {kind or 'what all kinds share'} must not import {name}"


def test_every_kind_of_image_has_files_of_the_same_names():
    assert {"ct", "xray", "slide"} == KINDS
    for kind in KINDS:
        assert [name for name in OF_A_KIND if not (SOURCE / "recipes" / kind / f"{name}.py").is_file()] == [], kind


def test_no_module_imports_itself_in_a_circle():
    graph = {module: {n for _, n in imports_of(file) if n in MODULES} - {module} for module, file in MODULES.items()}
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_room_is_empty():
    # A folder without Python files is none: runs/shipped holds the weights that are shipped.
    for room in {file.parent for file in FILES}:
        inhabitants = [p for p in room.rglob("*.py") if p.name != "__init__.py"]
        assert inhabitants, f"{room} is empty: build it when its inhabitant comes"


@pytest.mark.parametrize("file", parameters(FILES))
def test_a_file_is_named_by_what_it_holds(file):
    assert file.stem not in FORBIDDEN_NAMES, f"{file}: name what it holds; nobody looks for anything in '{file.stem}'"


@pytest.mark.parametrize("file", parameters(FILES))
def test_nothing_prints_and_nothing_asserts_on_input(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        printing = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        assert not printing, f"{file}:{node.lineno}: return what is to be said, or log it; the command line shows it"
        # What narrows a type for mypy says nothing about input.
        narrows = isinstance(node, ast.Assert) and re.match(r"isinstance\(|.* is not None$", ast.unparse(node.test))
        on_input = isinstance(node, ast.Assert) and not narrows
        assert not on_input, f"{file}:{node.lineno}: raise LesionkitError with a sentence instead"


@pytest.mark.parametrize("file", parameters(FILES))
def test_no_file_is_longer_than_its_budget(file):
    name, lines = file.relative_to(SOURCE).as_posix(), len(file.read_text(encoding="utf-8").splitlines())
    if name in LONG_FILES:
        assert lines > MAX_FILE_LINES, f"{name} fits now: take it off LONG_FILES"
    else:
        assert lines <= MAX_FILE_LINES, f"{name} has {lines} lines; split it by noun"


@pytest.mark.parametrize("file", parameters(FILES))
def test_no_function_is_longer_than_its_budget(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        name = f"{file.relative_to(SOURCE).as_posix()}:{node.name}"
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if name in LONG_FUNCTIONS:
            assert lines > MAX_FUNCTION_LINES, f"{name} fits now: take it off LONG_FUNCTIONS"
        else:
            assert lines <= MAX_FUNCTION_LINES, f"{name} has {lines} lines; give its parts names"


def test_functions_are_short_also_in_the_tail():
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )
    assert lengths[int(0.95 * len(lengths))] <= 40


def test_entries_of_the_budgets_name_what_exists():
    assert all((SOURCE / name).is_file() for name in LONG_FILES)
    assert all((SOURCE / name.partition(":")[0]).is_file() for name in LONG_FUNCTIONS)


EXCEPTION = re.compile(r"#\s*(noqa|type:\s*ignore|mypy:|ruff:|fmt:\s*(off|skip)|pragma)")


@pytest.mark.parametrize("file", parameters(FILES))
def test_each_lint_exception_names_its_rule_and_has_its_reason_on_the_line_above(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if EXCEPTION.search(line):
            above = lines[number - 1].strip() if number else ""
            assert above.startswith("#"), f"{file}:{number + 1}: say above why: {line.strip()}"
            assert re.search(r"noqa: [A-Z]|ignore\[|ruff: |mypy: |fmt:|pragma", line), (
                f"{file}:{number + 1}: name the rule"
            )


def test_everything_public_is_asked_for_a_docstring():
    import tomllib

    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert {"D1", "T20"} <= set(lint["select"])
    assert {"D100", "D101", "D103", "D104"}.isdisjoint(lint["ignore"])


def test_every_test_file_mirrors_a_source_file_or_room():
    rooms = {room for room in ROOMS if (SOURCE / room).is_dir()}
    for folder in (ROOT / "tests").iterdir():
        # The corpus holds inputs of all rooms, see its README.
        if folder.is_dir() and folder.name not in ("__pycache__", "corpus") and list(folder.rglob("test_*.py")):
            assert folder.name in rooms, f"tests/{folder.name} mirrors no room"
