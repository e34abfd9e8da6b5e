"""Mutated inputs through the readers behind the verbs: each must give a result or one sentence, and nothing else.

    python benchmarks/fuzz.py --count 20000 --out /tmp/fuzz
    python benchmarks/fuzz.py --kind slide --count 500 --out /tmp/fuzz
    python benchmarks/fuzz.py --replay 1234 --keep /tmp/input        # what input 1234 was, and its trace

Input number i depends on the seed and i alone: a case of tests/corpus, or a file that lesionkit wrote, is made and one
of its files is changed (fuzz_change.py). It is asked in a worker process that is ended when it hangs for 10 s or needs
more than 2 GB. Faults: a trace, a hang, memory, a crash, a warning of a library, and an image whose end was cut off
that gives other values without a word. What is done is kept in --out: the same command goes on where it stopped.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_ask import KINDS, Seed, prepare_run, seeds
from fuzz_change import change

LONGEST_S, MOST_BYTES, PER_WORKER = 10.0, 2 << 30, 400


class Verdict(NamedTuple):
    """What became of an input: "result", "refused", or a fault with its place."""

    state: str
    said: str = ""
    place: str = ""


class Fuzz:
    """Inputs by number."""

    def __init__(self, seed: int, kinds: tuple[str, ...], scratch: Path) -> None:
        chosen = [one for one in seeds() if not kinds or one.kind in kinds]
        by_kind = [[one for one in chosen if one.kind == kind] for kind in KINDS]
        self.seed, self.scratch, self.by_kind = seed, scratch, [some for some in by_kind if some]
        self.sound: dict[str, Any] = {}

    def input(self, number: int, work: Path) -> tuple[Seed, str]:
        """Make input `number` in an empty folder; its seed, and what was changed."""
        rng = np.random.default_rng([self.seed, number])
        some = self.by_kind[int(rng.integers(len(self.by_kind)))]
        # By name: a case that is added later leaves most inputs as they are.
        seed = min(some, key=lambda one: zlib.crc32(f"{self.seed} {number} {one.name}".encode()))
        shutil.copytree(self.made(seed), work, symlinks=True, dirs_exist_ok=True)
        files = sorted(file for file in work.rglob("*") if file.is_file() and not file.is_symlink())
        if not files:
            return seed, "nothing to change"
        file = files[int(rng.integers(len(files)))]
        return seed, f"{file.relative_to(work)}: {change(rng, file, files)}"

    def made(self, seed: Seed) -> Path:
        """The folder of a seed as it is before it is changed; made when it is first wanted."""
        folder = self.scratch / "seeds" / seed.name
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            making = Path(tempfile.mkdtemp(dir=self.scratch))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seed.make(making)
            with contextlib.suppress(OSError):  # another worker was first
                making.rename(folder)
        return folder

    def judge(self, number: int) -> tuple[str, str, Verdict]:
        """Make an input and ask: kind/name of its seed, the change, what became of it."""
        work = Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            seed, changed = self.input(number, work)
            verdict, values = asked(seed, work)
            if verdict.state == "result" and re.search(r": cut to \d+ of \d+$", changed) and isinstance(values, dict):
                verdict = self.silent(seed, values) or verdict
            return f"{seed.kind}/{seed.name}", changed, verdict
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def silent(self, seed: Seed, values: Any) -> Verdict | None:
        """A fault where a file that was cut off gives other values than before, and nobody is told."""
        if seed.name not in self.sound:
            work = Path(tempfile.mkdtemp(dir=self.scratch))
            shutil.copytree(self.made(seed), work, symlinks=True, dirs_exist_ok=True)
            self.sound[seed.name] = asked(seed, work)
            shutil.rmtree(work, ignore_errors=True)
        verdict, before = self.sound[seed.name]
        same = json.dumps(before, default=str) == json.dumps(values, default=str)
        if (
            same
            or verdict.state != "result"
            or any(values.get(told) for told in ("warnings", "unreadable", "failures"))
        ):
            return None
        return Verdict("silent", f"{before} -> {values}"[:400], seed.name)


def asked(seed: Seed, work: Path) -> tuple[Verdict, Any]:
    """Ask in a folder, with everything that a library writes past the program kept."""
    from lesionkit.core.errors import LesionkitError

    # Read and closed at the end, when fd 2 is the terminal again.
    raw = tempfile.TemporaryFile(dir=work.parent)  # noqa: SIM115
    kept = os.dup(2)
    os.dup2(raw.fileno(), 2)
    here = Path.cwd()
    os.chdir(work)
    values = None
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            values, said = seed.ask()
        verdict = Verdict("result", said)
        unexpected = re.search(r"unexpected (\w+): .*?(\(\S+, line \d+\))?", said)
        if unexpected:
            verdict = Verdict("trace", said[unexpected.start() :][:300], said[unexpected.start() :][:90])
        elif "out of memory" in said:
            verdict = Verdict("memory", said[-200:], seed.name)
        elif heard:
            first = heard[0]
            where = f"{Path(first.filename).name}:{first.lineno}"
            verdict = Verdict("noise", f"{first.category.__name__}: {first.message}"[:300], where)
    except LesionkitError as error:
        verdict = Verdict("refused", str(error))
    except MemoryError as error:
        verdict = Verdict("memory", trace_of(error), place_of(error))
    except BaseException as error:
        verdict = Verdict("trace", trace_of(error), place_of(error))
    finally:
        os.chdir(here)
        os.dup2(kept, 2)
        os.close(kept)
    raw.seek(0)
    past = raw.read(400).decode("utf-8", "replace").strip()
    raw.close()
    if past and verdict.state in ("result", "refused"):
        verdict = Verdict("noise", past, re.sub(r"[\d'\"/].*", "", past)[:60])
    return verdict, values


def trace_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-3500:]


def place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/lesionkit/" in frame.filename]
    last = ours[-1] if ours else frames[-1]
    return f"{type(error).__name__} at {Path(last.filename).parent.name}/{Path(last.filename).name}:{last.name}"


def serve(fuzz: Fuzz, pipe: Connection) -> None:
    """A worker: numbers in, verdicts out."""
    os.environ["LESIONKIT_CACHE"] = str(fuzz.scratch / f"cache-{os.getpid()}")
    now = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_BYTES, now + MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while (number := pipe.recv()) is not None:
        try:
            pipe.send(fuzz.judge(number))
        except Exception as error:  # a fault of this program
            pipe.send(("fuzz/itself", str(number), Verdict("fuzz", trace_of(error), place_of(error))))


class Worker:
    """A process forked from this one, which has imported everything."""

    def __init__(self, fuzz: Fuzz) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=serve, args=(fuzz, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.number, self.asked, self.begun, self.cpu = -1, 0, 0.0, 0.0

    def give(self, number: int) -> None:
        self.number, self.asked = number, self.asked + 1
        self.begun, self.cpu = time.monotonic(), self._cpu()
        self.pipe.send(number)

    def hangs(self) -> bool:
        """10 s of processor time, or five minutes of any: other programs run on this machine too."""
        return self._cpu() - self.cpu > LONGEST_S or time.monotonic() - self.begun > 30 * LONGEST_S

    def _cpu(self) -> float:
        with contextlib.suppress(psutil.Error):
            return sum(psutil.Process(self.process.pid).cpu_times()[:2])
        return 0.0

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run(fuzz: Fuzz, numbers: list[int], count: int, log: Path) -> None:
    """Give every number to a worker; one line of `log` each."""
    waiting, workers = list(reversed(numbers)), []
    with log.open("a", encoding="utf-8") as out:

        def done(worker: Worker, name: str, changed: str, verdict: Verdict) -> None:
            line = {"input": worker.number, "seed": name, "changed": changed, **verdict._asdict()}
            if verdict.state in ("result", "refused"):
                line["said"] = line["said"][:160]
            out.write(json.dumps(line) + "\n")
            out.flush()

        while waiting or workers:
            while waiting and len(workers) < count:
                workers.append(Worker(fuzz))
                workers[-1].give(waiting.pop())
            ready = wait([worker.pipe for worker in workers], timeout=1.0)
            for worker in list(workers):
                fresh = False
                if worker.pipe in ready:
                    try:
                        done(worker, *worker.pipe.recv())
                        fresh = worker.asked < PER_WORKER and bool(waiting)
                    except (EOFError, ConnectionResetError):
                        worker.process.join()
                        done(worker, "?", "?", Verdict("crash", f"exit {worker.process.exitcode}"))
                elif worker.hangs():
                    done(worker, "?", "?", Verdict("hang"))
                else:
                    continue
                if fresh:
                    worker.give(waiting.pop())
                else:
                    worker.end()
                    workers.remove(worker)


def summary(log: Path) -> str:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    states = Counter(line["state"] for line in lines)
    told = [f"{len(lines)} inputs: " + ", ".join(f"{name} {number}" for name, number in states.most_common())]
    per_kind = Counter(line["seed"].split("/")[0] for line in lines)
    told.append("of kinds: " + ", ".join(f"{name} {number}" for name, number in per_kind.most_common()))
    faults = [line for line in lines if line["state"] not in ("result", "refused")]
    for (state, place), number in Counter((line["state"], line["place"]) for line in faults).most_common():
        first = next(line for line in faults if (line["state"], line["place"]) == (state, place))
        last = first["said"].strip().splitlines()[-1:] or [""]
        told.append(f"{number:5d} {state:8} {place}: {last[0][:140]} [{first['input']}, {first['seed']}]")
    return "\n".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--kind", action="append", choices=KINDS, default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    parser.add_argument("--replay", type=int, help="ask this input alone, in this process")
    parser.add_argument("--keep", type=Path, help="with --replay: where its files are left")
    words = parser.parse_args()
    import_all()
    words.out.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        prepare_run()
        fuzz = Fuzz(words.seed, tuple(words.kind), scratch)
        if words.replay is not None:
            if words.keep:
                words.keep.mkdir(parents=True)
                fuzz.input(words.replay, words.keep)
            print(*fuzz.judge(words.replay), sep="\n")
            return
        log = words.out / f"{'-'.join(words.kind) or 'all'}-{words.seed}.jsonl"
        known = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
        over = {line["input"] for line in known}
        run(fuzz, [number for number in range(words.count) if number not in over], words.workers, log)
        print(summary(log))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def import_all() -> None:
    """What readers import when they are first asked: here, once, and not in every worker."""
    import importlib
    import pkgutil

    import lesionkit.read

    for module in pkgutil.walk_packages(lesionkit.read.__path__, "lesionkit.read."):
        importlib.import_module(module.name)
    for name in (
        "cli.main",
        "recipes.ct.kind",
        "recipes.xray.kind",
        "recipes.slide.kind",
        "nets.weights",
        "nets.guest",
    ):
        importlib.import_module(f"lesionkit.{name}")


if __name__ == "__main__":
    main()
