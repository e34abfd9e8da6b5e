"""How a folder of the corpus becomes a test: its `case.yaml` is read and checked, its input is made, its command runs
in this process, and what came out is compared. README.md says what a case may hold."""

import contextlib
import errno
import fnmatch
import importlib.util
import io
import json
import re
import shlex
import shutil
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

HERE = Path(__file__).parent
CASE_KEYS = {"what", "source", "make", "run", "read", "terminal", "strike", "expect"}
STRIKE_KEYS = {"writing", "with"}
STRIKES: dict[str, BaseException] = {
    "full disk": OSError(errno.ENOSPC, "No space left on device"),
    "Ctrl-C": KeyboardInterrupt(),
    "no memory": MemoryError(),
}
EXPECT_KEYS = {"exit", "says", "never_says", "values", "values_from", "files"}
_BESIDE = {"case.yaml", "make.py", "__pycache__"}


class BadCaseError(Exception):
    """A case.yaml that says what nobody reads; one sentence."""


@dataclass(frozen=True)
class Outcome:
    """What a command or a probe left behind.

    Attributes:
        exit: exit code; of a probe 0, or 2 where the reader refused.
        said: what was written to the terminal, stdout first.
        values: what a probe measured, or the JSON that a command printed; None where there is none.
        raw: what C libraries wrote past Python, to the file descriptors.
    """

    exit: int
    said: str
    values: Any
    raw: str = ""


def load_case(folder: Path) -> dict[str, Any]:
    """The checked content of a case.yaml."""
    file = folder / "case.yaml"
    where = f"tests/corpus/{folder.name}/case.yaml"
    try:
        case = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadCaseError(f"{where} must be a YAML file, got {error}") from error
    if not isinstance(case, dict):
        raise BadCaseError(f"{where} must be a mapping with {', '.join(sorted(CASE_KEYS))}")
    _refuse_unknown(where, case, CASE_KEYS, "a case")
    expect = case.get("expect")
    if not isinstance(expect, dict) or not expect:
        raise BadCaseError(f"{where} must say what to expect: {', '.join(sorted(EXPECT_KEYS))}")
    _refuse_unknown(where, expect, EXPECT_KEYS, "'expect'")
    if not isinstance(case.get("what"), str):
        raise BadCaseError(f"{where} must say in one sentence 'what' it is")
    if ("run" in case) == ("read" in case):
        raise BadCaseError(f"{where} must have either 'run' (words after lesionkit) or 'read' (a probe)")
    if "read" in case and case["read"].get("probe") not in PROBES:
        raise BadCaseError(f"{where}: there is no probe {case['read'].get('probe')!r}; there is {', '.join(PROBES)}")
    if "strike" in case:
        _refuse_unknown(where, case["strike"], STRIKE_KEYS, "'strike'")
        if case["strike"].get("with") not in STRIKES:
            raise BadCaseError(
                f"{where}: a case is struck with {', '.join(STRIKES)}, got {case['strike'].get('with')!r}"
            )
    for step in case.get("make", []):
        if step.get("maker") not in MAKERS:
            raise BadCaseError(f"{where}: there is no maker {step.get('maker')!r}; there is {', '.join(MAKERS)}")
    return case


def _refuse_unknown(where: str, given: Mapping[str, Any], known: set[str], what: str) -> None:
    for key in given:
        if key not in known:
            raise BadCaseError(f"{where}: unknown key {key!r}; {what} has {', '.join(sorted(known))}")


def make_input(folder: Path, case: Mapping[str, Any], work: Path) -> None:
    """Put into `work` what lies beside case.yaml, what the makers make and what make.py makes, in this order."""
    for path in folder.iterdir():
        if path.name not in _BESIDE:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, work / path.name)
    for step in case.get("make", []):
        words = dict(step)
        maker = MAKERS[words.pop("maker")]
        try:
            # What libraries find odd in what is odd on purpose.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                maker(work, **words)
        except TypeError as error:
            raise BadCaseError(f"tests/corpus/{folder.name}/case.yaml: {error}; see tests/corpus/makers") from error
    if (folder / "make.py").is_file():
        _module(folder / "make.py").make(work)


@contextlib.contextmanager
def struck(strike: Mapping[str, str] | None) -> Iterator[None]:
    """Once, when a file of a name is put into its place, the disk is full or the user interrupts."""
    if strike is None:
        yield
        return
    replace, waiting = Path.replace, [STRIKES[strike["with"]]]

    def blow(self: Path, target: Path) -> Path:
        if waiting and fnmatch.fnmatch(Path(target).name, strike["writing"]):
            raise waiting.pop()
        return replace(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", blow)
        yield
    assert not waiting, f"no file {strike['writing']} was written, so nothing was struck"


def probe(words: Mapping[str, Any]) -> Outcome:
    """Ask a reader; what it refuses is its sentence and exit code 2."""
    from lesionkit.core.errors import LesionkitError

    asked = dict(words)
    try:
        values = PROBES[asked.pop("probe")](**asked)
    except LesionkitError as error:
        return Outcome(2, " ".join(str(error).split()), None)
    return Outcome(0, "\n".join(map(str, values.get("warnings", ()))), values)


def command(words: str, encoding: str) -> Outcome:
    """Run what is typed after `lesionkit`, through the same entry point."""
    from lesionkit.cli.main import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=how) for how in ("strict", "backslashreplace"))
    before, sys.argv = sys.argv, ["lesionkit", *shlex.split(words)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.argv = before
    said = []
    for stream in (out, err):
        stream.flush()
        said.append(stream.buffer.getvalue().decode(encoding, "backslashreplace"))
    values = None
    with contextlib.suppress(ValueError):
        values = json.loads(said[0])
    return Outcome(code, "".join(said), values)


def compare(case: Mapping[str, Any], outcome: Outcome, work: Path) -> None:
    """Fail with what was expected and what came."""
    expect = case["expect"]
    told = f"\nexit {outcome.exit}, said:\n{outcome.said}"
    assert outcome.exit == expect.get("exit", 0), f"exit code {expect.get('exit', 0)} was expected{told}"
    for pattern in _listed(expect.get("says")):
        assert re.search(pattern, outcome.said), f"was to say {pattern!r}{told}"
    for pattern in [*_listed(expect.get("never_says")), "Traceback"]:
        assert not re.search(pattern, outcome.said), f"was never to say {pattern!r}{told}"
    assert not outcome.raw.strip(), f"a library wrote past the program:\n{outcome.raw}"
    values = outcome.values
    if "values_from" in expect:
        values = read_values(work / expect["values_from"])
    for key, wanted in expect.get("values", {}).items():
        got = look_up(values, key)
        assert is_like(got, wanted), f"{key} was to be {wanted!r}, got {got!r}{told}"
    for pattern, wanted in expect.get("files", {}).items():
        _compare_files(sorted(work.glob(pattern)), pattern, wanted, told)


def _compare_files(found: list[Path], pattern: str, wanted: Any, told: str) -> None:
    if wanted is False:
        assert not found, f"{pattern} was to be absent, got {found}{told}"
        return
    assert found, f"{pattern} was to be written{told}"
    if wanted is not True:
        text = found[0].read_text(encoding="utf-8")
        assert re.search(wanted, text), f"{pattern} was to hold {wanted!r}, got:\n{text[:2000]}"


def read_values(file: Path) -> Any:
    """A JSON file as it is, a CSV or Parquet file as a list of rows."""
    import pandas as pd

    if file.suffix == ".csv":
        return pd.read_csv(file, dtype=str, keep_default_na=False).to_dict("records")
    if file.suffix == ".parquet":
        return pd.read_parquet(file).to_dict("records")
    return json.loads(file.read_text(encoding="utf-8"))


def look_up(values: Any, key: str) -> Any:
    """What lies at a path such as `levels.0.um`; `count` at the end of a path counts a list."""
    for part in key.split("."):
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, list | tuple | np.ndarray) and part.lstrip("-").isdigit() and int(part) < len(values):
            values = values[int(part)]
        elif part == "count" and hasattr(values, "__len__"):
            values = len(values)
        else:
            there = sorted(map(str, values)) if isinstance(values, Mapping) else repr(values)
            pytest.fail(f"there is no value {key!r} (no {part!r} in {there})")
    return values


def is_like(got: Any, wanted: Any) -> bool:
    """Numbers to 1 in 1000 or 0.001, `/…/` as a regular expression, lists one by one, all else equal."""
    if isinstance(wanted, str) and len(wanted) > 1 and wanted[0] == wanted[-1] == "/":
        text = " ".join(map(str, got)) if isinstance(got, list | tuple) else str(got)
        return re.search(wanted[1:-1], text) is not None
    if isinstance(got, np.ndarray | np.generic):
        got = got.tolist()
    if isinstance(wanted, list):
        return isinstance(got, list | tuple) and len(got) == len(wanted) and all(map(is_like, got, wanted))
    if isinstance(wanted, bool) or wanted is None or isinstance(got, bool) or got is None:
        return got is wanted
    if isinstance(wanted, int | float):
        return isinstance(got, int | float) and got == pytest.approx(wanted, rel=1e-3, abs=1e-3)
    return got == wanted


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _module(file: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"corpus_{file.parent.name}_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    # Makers build on each other by `from corpus_makers_… import`.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _public(files: list[Path]) -> dict[str, Callable[..., Any]]:
    """The functions that files define, by name."""
    return {
        name: thing
        for module in map(_module, files)
        for name, thing in vars(module).items()
        if isinstance(thing, types.FunctionType) and thing.__module__ == module.__name__ and not name.startswith("_")
    }


# "content.py" first: the others draw by it.
MAKERS = _public(sorted((HERE / "makers").glob("*.py"), key=lambda file: (file.name != "content.py", file.name)))
PROBES = _public([HERE / "probes.py"])


@pytest.fixture
def work(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty working folder, a cache of its own, a terminal so wide that nothing wraps."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "2000")
    return folder


@pytest.fixture
def outcome_of(work, capfd) -> Callable[[Path, Mapping[str, Any]], Outcome]:
    """Make the input of a case and run it."""

    def run(folder: Path, case: Mapping[str, Any]) -> Outcome:
        make_input(folder, case, work)
        capfd.readouterr()
        if "read" in case:
            ended = probe(case["read"])
        else:
            lines = _listed(case["run"])
            with struck(case.get("strike")):
                for line in lines[:-1]:
                    command(line, "utf-8")
                ended = command(lines[-1], case.get("terminal", "utf-8"))
        past_python = capfd.readouterr()
        return Outcome(ended.exit, ended.said, ended.values, past_python.out + past_python.err)

    return run


@pytest.fixture
def corpus() -> types.SimpleNamespace:
    """What the test needs of this file."""
    return types.SimpleNamespace(
        load=load_case, compare=compare, BadCaseError=BadCaseError, is_like=is_like, make=make_input
    )
