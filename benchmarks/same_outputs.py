"""Whether a change of the code changed what the recipes give: record the outputs of a small fixed set, and compare.

    python benchmarks/same_outputs.py record BEFORE                                # on the old code, about 3 minutes
    python benchmarks/same_outputs.py record AFTER --inputs BEFORE/inputs          # on the new code
    python benchmarks/same_outputs.py compare BEFORE AFTER                         # exit code 1 where they differ

`--only ct`, `xray` or `slide` (repeatable) takes one kind; `--step NAME` (repeatable, for `record`) single steps. The
inputs are phantoms, made once, and what lies in LESIONKIT_DATA (a scan, a slide, patches), which is left out where it
is absent. Every verb of the command line runs in this process, on one thread, with settings that take seconds; what
it says is kept in `STEP.txt`. The names of settings below are those of the first recording: where the settings of a
recipe have another name by now, `RENAMED` in same_outputs_names.py tells it.
"""

import argparse
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLOSC_NTHREADS")
KINDS = ("ct", "xray", "slide")
HERE = {"engine.backend": "here"}
CT = HERE | {
    "net.channels": "[16, 16, 16, 16]",
    "net.blocks": "[1, 1, 1, 1]",
    "sample.patch": 32,
    "learn.steps": 4,
    "learn.batch": 2,
    "learn.workers": 0,
    "learn.validate_every": 2,
    "learn.precision": "32-true",
    "infer.threshold": 0.001,
    "infer.precision": "fp32",
    "score.bootstrap_samples": 20,
}
XRAY = HERE | {
    "net.architecture": "unet",
    "net.encoder": "tu-test_resnet",
    "net.pretrained": "false",
    "learn.side": 64,
    "learn.epochs": 2,
    "learn.checkpoints": 1,
    "learn.batch": 4,
    "learn.precision": "32-true",
    "learn.device": "cpu",
    "learn.loader_workers": 0,
    "split.folds": 3,
    "split.shares": "[0.4, 0.35, 0.25]",
    "infer.precision": "fp32",
    "infer.device": "cpu",
    "score.samples": 20,
}
SLIDE = HERE | {
    "net.channels": "[16, 16]",
    "net.blocks": "[1, 1]",
    "learn.steps": 8,
    "learn.batch": 8,
    "learn.workers": 0,
    "learn.validate_every": 8,
    "learn.precision": "32-true",
    "draw.per_epoch": 64,
    "draw.validation": 24,
    "patches.patch": 64,
    "dense.tile": 256,
    "dense.precision": "fp32",
    "score.samples": 20,
}
WINNERS = ("1st", "2nd", "3rd", "4th", "5th")


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: also of the folder that it fills.
        words: what is typed after `lesionkit`; `{in}` and `{out}` are the folders of inputs and of the recording.
        recipe: whose settings `changes` are of.
        changes: settings, name -> value, under the names of the first recording.
        copy: of a step whose folder is copied first.
    """

    name: str
    words: str
    recipe: str = ""
    changes: Mapping[str, Any] | None = None
    copy: str = ""


def inputs(kinds: tuple[str, ...]) -> Iterator[Step]:
    """The phantoms of each kind, and public files beside them."""
    if "ct" in kinds:
        yield Step("ct", "phantom ct --out {in}/ct --size small --count 6 --seed 1 --set phantom.nodule_count=[2,2]")
    if "xray" in kinds:
        words = "phantom xray --out {in}/xray --count 18 --seed 1 --size 64 --per-ct 2 --positive 0.5"
        yield Step("xray", f"{words} --set engine.backend=here")
    if "slide" in kinds:
        words = "phantom slide --out {in}/slide --count 8 --seed 1 --size-mm 1 --normal 0.5"
        yield Step("slide", f"{words} --set phantom.spacing_um=1 --set engine.backend=here")


def ct_steps() -> Iterator[Step]:
    name, public = "ct-nodule", "{public}/ct/LIDC-IDRI-0001/dicom"
    truth = "--truth {in}/ct/annotations.csv --series {in}/ct/seriesuids.csv"
    yield Step("ct-find-one", "find {in}/ct/scans/ct-phantom-00001.mha --out {out}", name)
    yield Step("ct-find-public", f"find {public} --out {{out}}", name)
    yield Step("ct-index", "index {in}/ct --out {out}/catalogue.parquet", name, HERE)
    yield Step("ct-prepare", "prepare {in}/ct --preview --out {out}", name, HERE)
    yield Step("ct-run", f"run {name} {{in}}/ct --out {{out}}", name, CT)
    yield Step("ct-find-many", "find {in}/ct --model {before}/ct-run --out {out}", name, HERE)
    yield Step("ct-report", "report {out}", copy="ct-find-many")
    yield Step("ct-report-run", "report {out}", copy="ct-run")
    yield Step("ct-status", "status {out}", copy="ct-run")
    yield Step("ct-evaluate", f"evaluate luna16 {truth} --marks {{before}}/ct-find-many --out {{out}}")
    tuned = f"train {name} {{in}}/ct --from {{before}}/ct-run --out {{out}}"
    yield Step("ct-tuned", tuned, name, HERE | {"learn.steps": 2, "sample.hard_share": 0.2})
    sweep = f"sweep {name} {{in}}/ct --search learn.rate=0.001,0.01 --trials 2 --out {{out}}"
    yield Step("ct-sweep", sweep, name, CT | {"learn.steps": 2})


def xray_steps() -> Iterator[Step]:
    name = "xray-pneumothorax"
    yield Step("xray-find-one", f"find {{in}}/xray/dicom --recipe {name} --out {{out}}", name)
    yield Step("xray-find-public", f"find {{public}}/xray/nih --recipe {name} --out {{out}}", name)
    yield Step("xray-index", f"index {{in}}/xray --recipe {name} --out {{out}}/catalogue.parquet", name, HERE)
    yield Step("xray-prepare", f"prepare {{in}}/xray --recipe {name} --out {{out}}", name, XRAY)
    yield Step(
        "xray-run", f"run {name} {{in}}/xray --out {{out}}", name, XRAY | {"split.folds": 2, "split.every_fold": "true"}
    )
    many = f"find {{in}}/xray --recipe {name} --model {{before}}/xray-run --out {{out}}"
    yield Step("xray-find-many", many, name, HERE)
    yield Step("xray-report", "report {out}", copy="xray-find-many")
    yield Step("xray-report-run", "report {out}", copy="xray-run")
    yield Step("xray-status", "status {out}", copy="xray-run")
    siim = "evaluate siim --truth {in}/xray/train-rle.csv --marks {before}/xray-find-many/submission.csv --shape 64 64"
    yield Step("xray-evaluate", f"{siim} --out {{out}}")
    tuned = f"train {name} {{in}}/xray --from {{before}}/xray-run --out {{out}}"
    yield Step("xray-tuned", tuned, name, HERE | {"learn.epochs": 1})
    pseudo = {"filter": "confidence", "rounds": 1, "confident_positive": 0.02, "confident_negative": 0.01}
    taught = {f"pseudo.{k}": v for k, v in {**pseudo, "mask_threshold": 0.01, "share": 0}.items()}
    words = f"train {name} {{in}}/xray --out {{out}}"
    yield Step("xray-pseudo", words, name, XRAY | taught | {"sample.labelled": 0.5, "learn.epochs": 1})
    yield Step("xray-lung", f"run {name} {{in}}/xray --out {{out}}", name, XRAY | {"lung.crop": "true"})
    for winner in WINNERS:
        recipe = f"{name}-{winner}"
        yield Step(f"xray-{winner}", f"run {recipe} {{in}}/xray --out {{out}}", recipe, XRAY | _of_winner(winner))


def _of_winner(winner: str) -> dict[str, Any]:
    few = {"learn.epochs": 1, "split.folds": 2, "split.every_fold": "false", "rule.stacking.folds": 2}
    return few | ({"sample.labelled": 0.6} if winner == "5th" else {})


def slide_steps() -> Iterator[Step]:
    name = "slide-metastasis"
    of = f"--recipe {name}"
    yield Step("slide-find-one", f"find {{in}}/slide/slides/slide-00002.tif {of} --out {{out}}", name)
    yield Step("slide-find-public", f"find {{public}}/slide/CMU-1-Small-Region.svs {of} --out {{out}}", name)
    yield Step("slide-index", f"index {{in}}/slide {of} --out {{out}}/catalogue.parquet", name, HERE)
    yield Step("slide-prepare", f"prepare {{in}}/slide {of} --out {{out}}", name, SLIDE)
    three = {"split.shares": "[0.5, 0.25, 0.25]"}
    yield Step("slide-run", f"run {name} {{in}}/slide --out {{out}}", name, SLIDE | three)
    many = f"find {{in}}/slide {of} --model {{before}}/slide-run --out {{out}}"
    yield Step("slide-find-many", many, name, HERE)
    sampled = HERE | {"search.mode": "sampled", "sampled.patch": 64, "sampled.centre": 32, "sampled.most": 20}
    yield Step("slide-sampled", many, name, sampled)
    yield Step("slide-report", "report {out}", copy="slide-find-many")
    yield Step("slide-report-run", "report {out}", copy="slide-run")
    yield Step("slide-status", "status {out}", copy="slide-run")
    truth = "--truth {in}/slide/masks --labels {in}/slide/labels.csv --marks {before}/slide-find-many/marks"
    yield Step("slide-evaluate", f"evaluate camelyon16 {truth} --out {{out}}")
    tuned = f"train {name} {{in}}/slide --from {{before}}/slide-run --out {{out}}"
    yield Step("slide-tuned", tuned, name, HERE | {"learn.steps": 2, "mine.rounds": 1})
    folds = {"split.folds": 2, "split.every_fold": "true", "learn.steps": 4, "learn.validate_every": 4}
    net = "net: {channels: [16, 16], blocks: [1, 1]}"
    members = {"members": f"[{{name: light, seed: 1, {net}}}, {{name: deep, seed: 2, weight: 2, {net}}}]"}
    yield Step("slide-folds", f"run {name} {{in}}/slide --out {{out}}", name, SLIDE | folds | members)
    patches = SLIDE | {"learn.steps": 4, "learn.validate_every": 4}
    yield Step("slide-patches", f"run {name} {{public}}/slide/pcam_dev --out {{out}}", name, patches)


STEPS = {"ct": ct_steps, "xray": xray_steps, "slide": slide_steps}


def record(out: Path, given: Path | None, kinds: tuple[str, ...], only: list[str]) -> None:
    """Run every step of some kinds, or those in `only`."""
    from same_outputs_names import name_now

    os.environ.update({"LESIONKIT_CACHE": str(out / "cache"), "COLUMNS": "300"})
    public = Path(os.environ.get("LESIONKIT_DATA", "/nowhere"))
    source = (given or out / "inputs").absolute()
    out.mkdir(parents=True, exist_ok=True)
    (out / "inputs.path").write_text(f"{source}\n", encoding="utf-8")
    for step in inputs(kinds):
        if not (source / step.name).is_dir():
            run(step, out / f"input-{step.name}", {"in": source}, {})
    for kind in kinds:
        for step in STEPS[kind]():
            if (only and step.name not in only) or ("{public}" in step.words and not public.is_dir()):
                continue
            folder = out / step.name
            shutil.rmtree(folder, ignore_errors=True)
            if step.copy:
                shutil.copytree(out / step.copy, folder)
                (folder / "report.html").unlink(missing_ok=True)
            changes = {name_now(step.recipe, name): value for name, value in (step.changes or {}).items()}
            run(step, folder, {"in": source, "out": folder, "before": out, "public": public}, changes)


def run(step: Step, folder: Path, places: Mapping[str, Path], changes: Mapping[str, Any]) -> None:
    """One command in this process; what it says and how it ended lie beside its folder."""
    from typer.testing import CliRunner

    from lesionkit.cli.main import app

    start, spent = time.monotonic(), time.process_time()
    words = [word.format(**places) for word in step.words.split()]
    words += [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    result = CliRunner().invoke(app, words)
    said = f"exit code {result.exit_code}\n{result.output}"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        said += "".join(traceback.format_exception(result.exception))
    folder.with_suffix(".txt").write_text(said, encoding="utf-8")
    seconds, of_processor = time.monotonic() - start, time.process_time() - spent
    print(f"{step.name:20} exit code {result.exit_code} {seconds:6.1f} s {of_processor:6.1f} CPU s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--inputs", type=Path)
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--step", action="append", default=[])
    parser.add_argument("--shown", type=int, default=8, help="differences told of each file")
    options = parser.parse_args()
    kinds = tuple(options.only or KINDS)
    if options.what == "record":
        # Before anything imports torch or numpy.
        os.environ.update(dict.fromkeys(THREADS, "1"))
        record(options.folders[0].absolute(), options.inputs, kinds, options.step)
        return 0
    from same_outputs_read import compare

    before, after = (folder.absolute() for folder in options.folders)
    return compare(before, after, kinds, options.shown)


if __name__ == "__main__":
    sys.exit(main())
