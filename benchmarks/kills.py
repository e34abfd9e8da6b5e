"""SIGKILL at random moments: what is left is whole, and the same command again ends with what it would have given.

    python benchmarks/kills.py --kills 108 --out build/kills
    python benchmarks/kills.py --kills 9 --kind ct --verb train --out build/kills
    python benchmarks/kills.py --discs 100 --out build/kills-of-discs        # a minute: whole runs of the smallest kind

For each kind of image and each of prepare, train, find and report, a verb runs undisturbed once, on a few phantoms and
a tiny network. Then it runs again in a folder and a cache of its own and is killed, with all that it started, at a
moment drawn from the seed; every third one twice. Every file that is left must be whole; then it runs to its end, and
every file must hold the same bytes as undisturbed, apart from times (and what a trainer keeps for itself). Nothing of a
temporary name may be left then. A process that has imported everything is forked for each run, so that a kill costs no
start-up.
"""

import argparse
import csv
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import same_outputs_read

KINDS, VERBS = ("ct", "xray", "slide"), ("prepare", "train", "find", "report")
RECIPES = {"ct": "ct-nodule", "xray": "xray-pneumothorax", "slide": "slide-metastasis"}
PHANTOMS = {
    "ct": "phantom ct --count 4 --size small --seed 5 --healthy 0.25",
    "xray": "phantom xray --count 16 --size 64 --seed 5",
    "slide": "phantom slide --count 6 --size-mm 1 --seed 5",
}
_WRITES = {"os.rename", "os.remove", "os.mkdir", "os.link", "os.truncate"}
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
HERE = ["engine.backend=here", "score.bootstrap=20"]
SETTINGS = {
    "ct": [
        *("net.channels=[8, 8, 8, 8]", "net.blocks=[1, 1, 1, 1]", "sample.patch=32", "learn.steps=4", "learn.batch=2"),
        *("learn.workers=0", "learn.validate_every=2", "learn.precision=32-true", "infer.threshold=0.05"),
    ],
    "xray": [
        *("net.architecture=unet", "net.encoder=tu-test_resnet", "net.pretrained=false", "learn.side=64"),
        *("learn.epochs=2", "learn.checkpoints=1", "learn.batch=4", "learn.precision=32-true", "learn.device=cpu"),
        *("learn.workers=0", "split.folds=2", "split.shares=[0.4, 0.35, 0.25]", "infer.device=cpu"),
    ],
    "slide": [
        *("net.channels=[8, 8]", "net.blocks=[1, 1]", "learn.steps=4", "learn.batch=4", "learn.workers=0"),
        *("learn.validate_every=2", "learn.precision=32-true", "draw.per_epoch=16", "draw.validation=8"),
        *("infer.tile=256", "um=2"),
    ],
}
NOT_COMPARED = ("log.txt", ".lock", "*.ckpt", "checkpoints/*", "tensorboard/*", "metrics/*", "*.tfevents*", "units/*")
VOLATILE = re.compile(
    r"started|ended|begun|(.*[_ ])?seconds|.*_s|time|.* time|time .*|steps per second|speed/.*|minutes|"
    r"pid|pid_started|host|versions?|path|bytes|sha256|modified|threads",
    re.IGNORECASE,
)
_TIMES = (
    (re.compile(rb"\d{4}-\d\d-\d\d[T _]\d\d[:-]\d\d([:-]\d\d)?([+-]\d\d:\d\d|Z)?"), b"DATE"),
    (re.compile(rb"\b\d+(\.\d+)?( |&nbsp;)?(s|ms|min|h|minutes|seconds)\b"), b"TIME"),
)


@dataclass(frozen=True)
class Job:
    """One verb on one kind.

    Attributes:
        words: after `lesionkit`; {data}, {run} and {model} are put in.
        before: the folder that a run of it begins from; None for nothing.
    """

    kind: str
    verb: str
    words: tuple[str, ...]
    before: Path | None = None


def forked(words: Sequence[str], cache: Path, kill_after_s: float | None = None, said: Path | None = None) -> int:
    """Run a command in a fork of this process, kill it and all that it started after a while; its exit code, or -9.

    Args:
        said: where its complaints are kept.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            if said is not None:
                os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            os.environ["LESIONKIT_CACHE"] = str(cache)
            sys.argv = ["lesionkit", *words]
            from lesionkit.cli.main import main

            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        finally:
            os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        # The group is there only when the child has made it.
        for kill in (os.killpg, os.kill):
            try:
                kill(child, signal.SIGKILL)
                break
            except ProcessLookupError:
                continue
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status)


def broken(folder: Path) -> list[str]:
    """The files of a run folder or a cache that are not whole, each with what is wrong; hidden ones do not count."""
    import pyarrow.parquet as parquet
    import yaml
    from PIL import Image
    from safetensors import safe_open

    found = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue
        try:
            text = file.read_bytes()
            if file.name == "case.json" and file.parent.suffix == ".case":
                json.loads(text.split(b"\n")[1])  # its sum stands before it
            elif file.suffix in (".json", ".geojson"):
                json.loads(text)
            elif file.suffix == ".yaml":
                yaml.safe_load(text)
            elif file.suffix == ".html":
                assert text.rstrip().endswith(b"</html>")
            elif file.suffix == ".csv" and "metrics" not in file.parts:
                rows = list(csv.reader(text.decode().splitlines()))
                assert len({len(row) for row in rows}) < 2, "rows of several lengths"
            elif file.suffix == ".parquet":
                parquet.read_table(file)
            elif file.suffix == ".safetensors":
                with safe_open(file, framework="np") as opened:
                    list(map(opened.get_tensor, opened.keys()))
            elif file.suffix == ".png":
                with Image.open(file) as picture:
                    picture.load()
            elif file.suffix == ".npy":
                np.load(file, mmap_mode="r")
        except Exception as error:  # whatever a reader thinks of half a file
            found.append(f"{file.relative_to(folder)}: {type(error).__name__}: {str(error)[:100]}")
    return found


def temporary(folder: Path) -> list[str]:
    """What is left under temporary names."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".tmp-*"))


def contents(folder: Path) -> dict[str, str]:
    """Name -> sum of what each file of a run folder holds, times apart."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    named = {file.relative_to(folder).as_posix(): file for file in files}
    return {
        name: hashlib.sha256(_meant(file)).hexdigest()[:16]
        for name, file in named.items()
        if not any(Path(name).match(pattern) or f"/{pattern[:-1]}" in f"/{name}" for pattern in NOT_COMPARED)
    }


def _meant(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix in (".json", ".geojson"):
        return json.dumps(_plain(json.loads(content)), sort_keys=True).encode()
    if file.suffix == ".safetensors":
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        told = {name: json.loads(text) if text[:1] == "{" else text for name, text in header["__metadata__"].items()}
        return json.dumps(_plain({**header, "__metadata__": told}), sort_keys=True).encode() + content[8 + length :]
    if file.suffix == ".parquet":
        import pandas as pd

        table = pd.read_parquet(file)
        return table[[name for name in table if not VOLATILE.fullmatch(str(name))]].to_json(orient="split").encode()
    if file.suffix == ".csv":
        rows = list(csv.reader(content.decode().splitlines()))
        kept = [number for number, name in enumerate(rows[0] if rows else []) if not VOLATILE.fullmatch(name)]
        return json.dumps([[row[number] for number in kept] for row in rows]).encode()
    if file.suffix == ".html":
        # Its words without rows and columns of times, its pictures as sums.
        return same_outputs_read._lines(file, file.parent).encode()
    if file.suffix == ".yaml":
        for pattern, word in _TIMES:
            content = pattern.sub(word, content)
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items() if not VOLATILE.fullmatch(str(name))}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        for pattern, word in _TIMES:
            value = pattern.sub(word, value.encode()).decode()
    return value


def whole_run(discs: ModuleType, data: Path, out: Path) -> None:
    """Index, prepare, train, find and report; the page twice, as by the verb."""
    from lesionkit.runs.run_folder import open_run, reopen_run

    settings = discs.Discs()
    with open_run(out, discs.RECIPE.name, settings, {"data": data}) as run:
        discs.RECIPE.run(run, data, settings)
    with reopen_run(out) as run:
        discs.RECIPE.report(run, settings)


def forked_to_write(work: Callable[[], None], kill_at: int = 0) -> tuple[int, int]:
    """Work in a fork, which kills itself when it does something to a disk for the `kill_at`-th time.

    Returns:
        Its exit code, or -9; and how often it did, where it came to its end.
    """
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        # The fork runs nothing but Python of its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        done = 0

        def watch(event: str, given: tuple[Any, ...]) -> None:
            nonlocal done
            if event in _WRITES or (event == "open" and isinstance(given[2], int) and given[2] & _TO_WRITE):
                done += 1
                if done == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(watch)
            work()
            os.write(sender, str(done).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(sender)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(receiver) as told:
        return code, int(told.read() or 0)


def kill_discs(folder: Path, count: int, seed: int = 0) -> Iterator[list[str]]:
    """Whole runs of the smallest kind, tests/recipes/discs.py, each killed at one of its writes; what was wrong.

    The moments are drawn among all that a run does to a disk, so that they do not depend on how busy the machine is.
    """
    from PIL import Image

    file = Path(__file__).resolve().parents[1] / "tests" / "recipes" / "discs.py"
    spec = importlib.util.spec_from_file_location("discs", file)
    discs = importlib.util.module_from_spec(spec)
    sys.modules["discs"] = discs
    spec.loader.exec_module(discs)
    data = folder / "data"
    data.mkdir(parents=True)
    y, x = np.mgrid[:32, :32]
    for number in range(12):
        disc = (np.hypot(y - 10, x - 20) <= 3) & (number % 2 == 0)
        grey = np.where(disc, 200, 60) + np.random.default_rng(number).integers(0, 9, (32, 32))
        Image.fromarray(grey.astype(np.uint8)).save(data / f"p{number}.png")
    rows = "".join(f"p{number},{int(number % 2 == 0)}\n" for number in range(12))
    (data / "labels.csv").write_text(f"name,discs\n{rows}")
    whole_run(discs, data, folder / "first" / "run")  # imports what it needs
    writes = forked_to_write(lambda: whole_run(discs, data, folder / "sound" / "run"))[1]
    sound = contents(folder / "sound" / "run")
    for number, moment in enumerate(np.random.default_rng(seed).integers(1, writes, count).tolist()):
        out = folder / str(number) / "run"
        code = forked_to_write(lambda out=out: whole_run(discs, data, out), moment)[0]
        wrong = [f"it was not killed, but ended with {code}"] if code != -signal.SIGKILL else []
        wrong += broken(out)
        whole_run(discs, data, out)
        now = contents(out)
        wrong += [f"{name}: differs" for name in sorted(sound | now) if sound.get(name) != now.get(name)]
        yield [f"write {moment}: {what}" for what in (*wrong, *temporary(out))]


class Kills:
    """Jobs, what they give undisturbed, and kills."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng = folder, np.random.default_rng(seed)
        self.sound: dict[tuple[str, str], tuple[dict[str, str], float]] = {}

    def jobs(self, kind: str) -> list[Job]:
        """The verbs of a kind, each from what the one before it left."""
        place = self.folder / kind
        sets = [word for setting in (*HERE, *SETTINGS[kind]) for word in ("--set", setting)]
        recipe, data, model = RECIPES[kind], str(place / "data"), str(place / "train")
        if not (place / "data").is_dir():
            place.mkdir(parents=True)
            code = forked([*PHANTOMS[kind].split(), "--out", data, "--set", "engine.backend=here"], place / "cache")
            if code:
                raise SystemExit(f"the phantoms of {kind} cannot be made (exit {code})")
        image = {"ct": "scans", "xray": "dicom", "slide": "slides"}[kind]
        look = str(place / "data" / image) if (place / "data" / image).is_dir() else data
        found = ["--recipe", recipe, "--model", model, "--set", "engine.backend=here", "--set", "infer.foreign=allow"]
        return [
            Job(kind, "prepare", ("prepare", data, "--recipe", recipe, "--out", "{run}", *sets)),
            Job(kind, "train", ("train", recipe, data, "--out", "{run}", *sets)),
            Job(kind, "find", ("find", look, "--out", "{run}", *found)),
            Job(kind, "report", ("report", "{run}"), place / "find"),
        ]

    def undisturbed(self, job: Job) -> tuple[dict[str, str], float]:
        """What a job gives, and how long it takes."""
        key = (job.kind, job.verb)
        if key not in self.sound:
            run = self.folder / job.kind / job.verb
            shutil.rmtree(run, ignore_errors=True)
            start = time.monotonic()
            code = self._go(job, run, self.folder / job.kind / "cache-sound")
            if code:
                said = (self.folder / "said.txt").read_text(errors="replace")
                raise SystemExit(f"{job.verb} of {job.kind} fails undisturbed (exit {code}): {said}")
            self.sound[key] = contents(run), time.monotonic() - start
        return self.sound[key]

    def kill(self, job: Job, number: int) -> dict[str, Any]:
        """Kill a job once, every third twice; what was wrong afterwards."""
        sound, seconds = self.undisturbed(job)
        run, cache = self.folder / job.kind / "killed", self.folder / job.kind / "cache-killed"
        for place in (run, cache):
            shutil.rmtree(place, ignore_errors=True)
        wrong, moments, codes = [], [], []
        for again in range(2 if number % 3 == 2 else 1):
            moments.append(float(self.rng.uniform(0, seconds)))
            codes.append(self._go(job, run, cache, moments[-1], fresh=again == 0))
            wrong += [f"after the kill: {what}" for place in (run, cache) for what in broken(place)]
        code = self._go(job, run, cache, fresh=False)
        if code:
            said = (self.folder / "said.txt").read_text(errors="replace")[-500:]
            wrong.append(f"the rerun ended with exit code {code}: {said}")
        else:
            now = contents(run)
            wrong += [f"{name}: differs" for name in sorted(sound.keys() & now.keys()) if sound[name] != now[name]]
            wrong += [f"{name}: missing" for name in sorted(sound.keys() - now.keys())]
            wrong += [f"{name}: too many" for name in sorted(now.keys() - sound.keys()) if "/.tmp-" not in f"/{name}"]
        left = [f"left: {name}" for place in (run, cache) for name in temporary(place)]
        return {"after_s": moments, "killed": codes.count(-9), "wrong": wrong + left}

    def _go(self, job: Job, run: Path, cache: Path, kill_after_s: float | None = None, fresh: bool = True) -> int:
        if job.before is not None and fresh:
            shutil.copytree(job.before, run)
            for name in ("report.html", "candidates.csv", "predictions.csv", "scores.csv"):
                (run / name).unlink(missing_ok=True)
        words = [word.replace("{run}", str(run)) for word in job.words]
        return forked(words, cache, kill_after_s, self.folder / "said.txt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=108)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--verb", choices=VERBS, action="append")
    parser.add_argument("--discs", type=int, default=0, help="instead, so many whole runs of the smallest kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    words = parser.parse_args()
    if words.discs:
        from lesionkit.runs import versions

        versions._commit = lambda: ""  # to ask git takes longer than all the rest
        os.environ["LESIONKIT_CACHE"] = str(words.out.resolve() / "cache")
        found = []
        for number, wrong in enumerate(kill_discs(words.out.resolve(), words.discs, words.seed)):
            found += wrong
            print(f"kill {number}: {wrong or 'nothing wrong'}", flush=True)
        print(f"{words.discs} kills; {len(found)} things wrong afterwards")
        sys.exit(bool(found))
    # What every verb imports, once.
    import lesionkit.recipes.ct.train
    import lesionkit.recipes.slide.train
    import lesionkit.recipes.xray.train  # noqa: F401

    kills, told = Kills(words.out.resolve(), words.seed), []
    jobs = [job for kind in words.kind or KINDS for job in kills.jobs(kind)]
    for job in jobs:
        print(f"{job.kind} {job.verb}: {kills.undisturbed(job)[1]:.1f} s undisturbed", flush=True)
    chosen = [job for job in jobs if job.verb in (words.verb or VERBS)]
    for number in range(words.kills):
        job = chosen[number % len(chosen)]
        told.append({"kind": job.kind, "verb": job.verb, **kills.kill(job, number // len(chosen))})
        print(json.dumps(told[-1]), flush=True)
    killed, bad = sum(one["killed"] for one in told), [one for one in told if one["wrong"]]
    print(f"{killed} kills in {len(told)} runs; {len(bad)} runs with something wrong afterwards")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
