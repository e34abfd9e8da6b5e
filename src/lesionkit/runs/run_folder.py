"""The folder of one run: what was asked for, which stages are finished, and what they said.

A run is one recipe with one set of settings on one set of inputs. Its folder holds `run.json` (all of that, with
versions and times), `settings.yaml` (usable as `--config`) and `log.txt`, beside what the stages write. Opening a
folder that holds the same run resumes it; a folder that holds another run, or files and no run, is refused, so that a
result is never a mixture and nothing foreign is overwritten. There is no way to force it: name another folder.
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.names import printable
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import reads
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.hold import LOCK_FILE, held
from lesionkit.runs.old_names import refuse_earlier
from lesionkit.runs.settings_file import differences, show
from lesionkit.runs.units import UNITS
from lesionkit.runs.versions import versions

RUN_FILE = "run.json"
SETTINGS_FILE = "settings.yaml"
LOG_FILE = "log.txt"
_DICTS = ("settings", "inputs", "versions", "stages", "metrics")
_KINDS = {"recipe": str, "started": str, "warnings": list, **dict.fromkeys(_DICTS, dict)}


class RunFolder:
    """An open run. Made by `open_run` or `reopen_run` (to work in it) or `read_run` (to look at it)."""

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record
        self.with_identifiers = False
        """Whether what is written for people may say which patient an image is of; of one call, never kept."""

    def once(self, stage: str, step: Callable[[], Mapping[str, Any] | None]) -> Mapping[str, Any]:
        """Run a stage unless it is finished; return the facts it returned, now or then.

        A stage whose facts name "failed" cases is tried again: the others are skipped by the step itself, and what
        made a case fail (no memory, a full disk) may be gone.

        Args:
            stage: its name, unique in the run: "prepare".
            step: does the work and returns facts that JSON can hold; it may find its own unfinished work and go on.
        """
        stages = self.record["stages"]
        done = stages.get(stage, {})
        if done.get("state") == "done" and not done["facts"].get("failed"):
            self.say(f"{stage}: finished before, skipped")
            facts: Mapping[str, Any] = done["facts"]
            return facts
        process = psutil.Process()
        marks = {"state": "running", "started": _now(), "pid": process.pid, "host": socket.gethostname()}
        stages[stage] = {**marks, "pid_started": process.create_time()}
        self._save()
        self.say(f"{stage}: started")
        start = time.monotonic()
        try:
            facts = dict(step() or {})
        except BaseException as error:
            state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            self._end(stage, start, {"state": state, "error": str(error) or type(error).__name__})
            raise
        self._end(stage, start, {"state": "done", "facts": facts})
        return facts

    def note(self, **metrics: float | int | str) -> None:
        """Keep the latest metrics, for `lesionkit status`: `run.note(epoch=3, loss=0.12)`."""
        self.record["metrics"].update(metrics)
        self._save()

    def warn(self, sentence: str) -> None:
        """Keep a sentence for the report and for `lesionkit status`; the same one is kept once."""
        if sentence not in self.record["warnings"]:
            self.record["warnings"].append(sentence)
            self._save()
            self.say(f"warning: {sentence}")

    def say(self, sentence: str) -> None:
        """Add a line with the time to the log."""
        with (self.path / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(f"{_now()}  {printable(sentence)}\n")

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self.record["warnings"])

    def _end(self, stage: str, start: float, marks: Mapping[str, Any]) -> None:
        begun = {"started": self.record["stages"][stage]["started"]}
        seconds = round(time.monotonic() - start, 3)
        self.record["stages"][stage] = {**begun, "ended": _now(), "seconds": seconds, **marks}
        self._save()
        self.say(f"{stage}: {marks['state']} {marks.get('error', '')}".rstrip())

    def _save(self) -> None:
        write_text(self.path / RUN_FILE, json.dumps(self.record, indent=1, default=_plain) + "\n")


@contextmanager
def open_run(
    out: Path | None, recipe: str, settings: Settings, inputs: Mapping[str, Path | str | None]
) -> Iterator[RunFolder]:
    """Make or resume the run in `out`; None for a new folder `runs/<recipe>/<date-time>`.

    Settings of the group "engine" (how many workers) may differ from the first time. A run that fails before it wrote
    anything of its own leaves no folder behind.

    Args:
        inputs: what the result depends on beside the settings: name -> path (hashed) or text; None is left out.

    Raises:
        LesionkitError: the folder holds a different run or something else, is in use, or cannot be written to.
    """
    folder = Path(out) if out is not None else _fresh_folder(recipe)
    facts = {name: _input_facts(value) for name, value in inputs.items() if value is not None}
    asked = {"recipe": recipe, "settings": settings.model_dump(mode="json"), "inputs": facts}
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    _refuse_foreign(folder)
    with held(folder, partial(_holder, folder)):
        run = _resume(folder, asked) if (folder / RUN_FILE).is_file() else _begin(folder, asked)
        if not (folder / SETTINGS_FILE).is_file():
            # At the beginning; and where it was killed between the two files.
            write_text(folder / SETTINGS_FILE, show(settings))
        try:
            yield run
        except KeyboardInterrupt:
            _remove_if_unused(run, made)
            raise KeyboardInterrupt(f"interrupted; to resume, run the same command with --out {folder}") from None
        except (LesionkitError, OSError):
            _remove_if_unused(run, made)
            raise


@contextmanager
def reopen_run(folder: Path) -> Iterator[RunFolder]:
    """The run in a folder, to write what is made of its results again, by its own settings.

    Raises:
        LesionkitError: as `read_run`, or another process works in the folder.
    """
    read_run(folder)
    with held(folder, partial(_holder, folder)):
        # Read again: a process that has just ended may have changed it.
        run = read_run(folder)
        _refuse_live(run)
        yield run


@reads("a folder of a run")
def read_run(folder: Path) -> RunFolder:
    """The run in a folder, to look at it.

    Raises:
        LesionkitError: the folder holds no run, or its record is damaged.
    """
    file = Path(folder) / RUN_FILE
    if not file.is_file():
        raise LesionkitError(f"{folder} holds no run (no {RUN_FILE}); pass a folder that an earlier --out named")
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if not _KINDS.keys() <= record.keys():
            raise ValueError("entries are missing")
        wrong = [name for name, kind in _KINDS.items() if not isinstance(record[name], kind)]
        if wrong or not all(isinstance(stage, dict) for stage in record["stages"].values()):
            raise ValueError(f"'{(wrong or ['stages'])[0]}' is of another form")
    except (ValueError, AttributeError) as error:
        raise LesionkitError(f"{file} is damaged ({error}); start again in another folder") from error
    return RunFolder(Path(folder), record)


def live_stage(run: RunFolder) -> str | None:
    """The stage another living process of this machine is working on, None where there is none."""
    for name, stage in run.record["stages"].items():
        if stage["state"] != "running" or stage["host"] != socket.gethostname() or stage["pid"] == os.getpid():
            continue
        try:
            if abs(psutil.Process(stage["pid"]).create_time() - stage["pid_started"]) < 1.0:
                return str(name)
        except psutil.Error:
            continue
    return None


def _refuse_foreign(folder: Path) -> None:
    """Before anything is written: a folder must be new or empty, or hold a run."""
    if folder.exists() and not folder.is_dir():
        raise LesionkitError(f"--out must be a folder, but {folder} is a file; name another")
    if (
        folder.is_dir()
        and not (folder / RUN_FILE).is_file()
        and any(not p.name.startswith(".") for p in folder.iterdir())
    ):
        raise LesionkitError(f"{folder} is not empty and holds no run of lesionkit; name a new or an empty folder")


def _holder(folder: Path) -> str:
    """Who works in a folder that is held, as far as its record tells."""
    try:
        stages = read_run(folder).record["stages"]
    except LesionkitError:
        return "another process begins a run there"
    running = [(name, stage["pid"]) for name, stage in stages.items() if stage["state"] == "running"]
    return "process {1} is at stage '{0}'".format(*running[-1]) if running else "another process is between two stages"


def _refuse_live(run: RunFolder) -> None:
    """Where locks are not known to all processes, as in folders of containers or shares, the record tells."""
    stage = live_stage(run)
    if stage:
        pid = run.record["stages"][stage]["pid"]
        raise LesionkitError(f"{run.path} is in use: process {pid} is at stage '{stage}'; wait for it or end it first")


def _begin(folder: Path, asked: dict[str, Any]) -> RunFolder:
    record = {"started": _now(), **asked, "versions": versions(), "stages": {}, "metrics": {}, "warnings": []}
    run = RunFolder(folder, record)
    run._save()
    run.say(f"{asked['recipe']} begun with lesionkit {record['versions']['lesionkit']}")
    return run


def _resume(folder: Path, asked: dict[str, Any]) -> RunFolder:
    run = read_run(folder)
    _refuse_live(run)
    refuse_earlier(run.record["settings"], folder)
    found = differences(_identity(run.record), _identity(asked))
    if found:
        shown = "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
        raise LesionkitError(
            f"{folder} holds a different run: {shown}; name another --out, or repeat the first command to resume it"
        )
    before, now = run.record["versions"], versions()
    changed = [f"{name} {before.get(name)} -> {now[name]}" for name in now if before.get(name) != now[name]]
    if changed:
        run.warn(f"resumed with other versions: {', '.join(changed)}")
    run.record["inputs"] = asked["inputs"]
    run.say("resumed")
    return run


def _identity(record: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: value for name, value in record["settings"].items() if name != "engine"}
    inputs = {
        name: f"{value['files']} files, hash {value['sha256'][:12]}" if isinstance(value, dict) else value
        for name, value in record["inputs"].items()
    }
    return {"recipe": record["recipe"], **settings, "input": inputs}


def _input_facts(value: Path | str | None) -> dict[str, Any] | str | None:
    return fingerprint(value) if isinstance(value, Path) else value


def _remove_if_unused(run: RunFolder, made: list[Path]) -> None:
    """Take away the folders made for a run that finished nothing and wrote nothing but its own records."""
    if run.path not in made or any(stage["state"] == "done" for stage in run.record["stages"].values()):
        return
    if {p.name for p in run.path.iterdir()} - {RUN_FILE, SETTINGS_FILE, LOG_FILE, LOCK_FILE, UNITS}:
        return
    shutil.rmtree(run.path)
    for parent in made[1:]:
        if any(parent.iterdir()):
            return
        parent.rmdir()


def _fresh_folder(recipe: str) -> Path:
    base = Path("runs") / recipe / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder, count = base, 2
    while folder.exists():
        folder, count = base.with_name(f"{base.name}-{count}"), count + 1
    return folder


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _plain(value: Any) -> Any:
    """What JSON can hold, of a path or of a number of numpy or torch."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"facts and metrics must be what JSON can hold, got a {type(value).__name__}")
