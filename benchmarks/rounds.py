"""Whether training again on mined mistakes is worth more than training on: rounds by three rules against a control.

    python benchmarks/rounds.py --data DATA --work WORK --minutes 30 --test phantom=TEST --test inserted-real=INSERTED
    python benchmarks/rounds.py --data DATA --work WORK --minutes 30 --recipe ct-nodule-rpn --arm none --arm rate …
    python benchmarks/rounds.py --data DATA --work WORK --table --test phantom=TEST

DATA has train and validation parts (splits.json, or as dealt); each TEST is a folder of scans with annotations.csv.
Round 1 is trained once, for a third of the minutes, and all arms go on from it: two more rounds each, with as many
minutes, the same rates and the same decks of patches, mined by the rule of the arm or, in the control "none", not at
all. Where the machine has other work, `--steps` makes the arms equal by steps instead. Mining takes time of its own,
which is told and not counted. Every round's network searches every test; printed are CPM with its 95 % interval and the
paired difference to the control after the same round. What is finished is not done again.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.evaluate.compare import compare_scores
from lesionkit.evaluate.document import from_document
from lesionkit.evaluate.score import Score
from lesionkit.read.score import read_score

CONTROL = "none"
RULES = (CONTROL, "rate", "hardest", "spread")
ROUNDS = 3


def lesionkit(*words: str) -> None:
    print("lesionkit", *words, flush=True)
    subprocess.run([sys.executable, "-m", "lesionkit", *words], check=True)


def settings(values: Sequence[str]) -> list[str]:
    return [word for value in values for word in ("--set", value)]


def train(options: argparse.Namespace) -> None:
    """Round 1, and from it the two rounds of every arm."""
    first = options.work / "first"
    given = ["--config", str(options.config)] if options.config else []
    chosen = [*given, *settings(options.set)]
    recipe = (options.recipe, str(options.data))
    lesionkit("train", *recipe, "--out", str(first), *chosen, *settings(budget(options, 1)))
    for rule in options.arm:
        later = [f"learn.rounds={ROUNDS}", "learn.first_round=2", *budget(options, ROUNDS - 1)]
        own = settings([*later, f"mine.rule={rule}", "mine.stop=never"])
        lesionkit("train", *recipe, "--from", str(first), "--out", str(options.work / rule), *chosen, *own)


def budget(options: argparse.Namespace, rounds: int) -> list[str]:
    """Steps of each round, or minutes of so many rounds together."""
    if options.steps:
        return [f"learn.steps={options.steps}"]
    return ["learn.steps=1000000", f"learn.minutes={options.minutes * rounds / ROUNDS:g}"]


def networks(work: Path, arms: Sequence[str]) -> Iterator[tuple[str, int, Path]]:
    """Arm, round and file of every network that is there."""
    each = [("first", 1, work / "first" / "model.safetensors")]
    each += [(arm, n, work / arm / "rounds" / f"{n}.safetensors") for arm in arms for n in range(2, ROUNDS + 1)]
    yield from (one for one in each if one[2].is_file())


def measure(options: argparse.Namespace) -> None:
    """Every network on every test."""
    for arm, number, model in networks(options.work, options.arm):
        for name, data in tests(options).items():
            out = options.work / "tests" / name / f"{arm}-{number}"
            words = ("--recipe", options.recipe, "--model", str(model), "--set", "infer.foreign=allow")
            if not (out / "score" / "score.json").is_file():
                lesionkit("find", str(data), *words, "--out", str(out))


def tests(options: argparse.Namespace) -> dict[str, Path]:
    named = (text.partition("=") for text in options.test)
    return {name: Path(path) for name, _, path in named}


def table(options: argparse.Namespace) -> None:
    """CPM of every arm and round, and its paired difference to the control."""
    for name in tests(options):
        found = {
            (arm, number): from_document(*read_score(file))
            for arm, number, _ in networks(options.work, options.arm)
            if (file := options.work / "tests" / name / f"{arm}-{number}" / "score" / "score.json").is_file()
        }
        for (arm, number), score in found.items():
            control = found.get((CONTROL, number))
            against = "" if control is None or arm == CONTROL else f"; to the control {difference(control, score)}"
            print(f"{name:<14} {arm:<8} round {number}: CPM {figure(score, 'cpm')}{against}")
    for arm in ("first", *options.arm):
        record = options.work / arm / "run.json"
        if record.is_file():
            print(f"{arm:<8} {told(json.loads(record.read_text()))}")


def figure(score: Score, name: str) -> str:
    one = score.figures[name]
    interval = "no interval" if one.lower is None else f"{one.lower:.3f} to {one.upper:.3f}"
    return f"{one.value:.3f} ({interval})"


def difference(control: Score, score: Score) -> str:
    compared = compare_scores(control, score, ("control", "arm"))
    return figure(compared, "cpm: arm - control")


def told(record: Mapping[str, Any]) -> str:
    """Steps, seconds of training and of mining, and what was mined."""
    stages = record["stages"]
    trained = {name: s for name, s in stages.items() if name == "train" or name.startswith("round")}
    rounds = {name: s for name, s in trained.items() if name != "train"} or trained
    steps = ", ".join(f"{name} {stage.get('seconds', 0):.0f} s" for name, stage in rounds.items())
    mined = [f"{name} {s['facts']} in {s['seconds']:.0f} s" for name, s in stages.items() if name.startswith("mine")]
    return "; ".join([steps, *mined])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--recipe", default="ct-nodule")
    parser.add_argument("--minutes", type=float, default=30.0, help="of training per arm, all three rounds together")
    parser.add_argument("--steps", type=int, help="of each round, instead of minutes")
    parser.add_argument("--arm", action="append", choices=RULES, help="repeatable; default: all four")
    parser.add_argument("--test", action="append", default=[], metavar="NAME=FOLDER", help="repeatable")
    parser.add_argument("--config", type=Path, help="settings file of all trainings")
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.FIELD=VALUE", help="of all trainings")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    options = parser.parse_args()
    options.arm = options.arm or list(RULES)
    if not options.table:
        train(options)
        measure(options)
    table(options)


if __name__ == "__main__":
    main()
