"""The decisions of the readers of a run -> truth: a data set to train on, or a format of other programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.recipes.base import Summary, TruthRequest
from lesionkit.recipes.export import written
from lesionkit.recipes.formats import FORMATS, format_of
from lesionkit.recipes.handing import refuse_filled
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.review import REVIEW, Reviewed, reviewed_run, run_identity, store_of
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.review.consensus import Truth, truth_of
from lesionkit.review.corrected import corrected
from lesionkit.review.decision import Reading, readings
from lesionkit.runs.run_folder import RunFolder

TRUTH = "truth"


def export_truth(run: RunFolder, request: TruthRequest, settings: S, kind: Kind[S, F, Opened], recipe: str) -> Summary:
    """See `ReviewVerbs.export`."""
    reviewed = reviewed_run(run, request.images, settings, kind, recipe)
    truths = _truths(run, request.readers, reviewed, kind.search.noun)
    if request.to == TRUTH:
        return _data_set(run, request.out or run.path / REVIEW / TRUTH, reviewed, truths, kind)
    out = request.out or run.path / REVIEW / request.to
    readers = tuple(sorted({reader for truth in truths.values() for reader in truth.readers}))
    handed = [corrected(reviewed.handed[name], truth.lesions) for name, truth in truths.items()]
    handed = [replace(one, maker=replace(one.maker, readers=readers)) for one in handed]
    if request.to in FORMATS and FORMATS[request.to].networks:
        raise LesionkitError(f"--to {request.to} holds networks and no decisions; use lesionkit export")
    format = format_of(request.to, type(handed[0]), kind.search.noun)
    refuse_filled(out)
    files, empty, failed = written(handed, format, out, reviewed.handing)
    told: dict[str, str | int | float] = {
        f"{kind.search.noun}s": len(handed),
        "readers": ", ".join(readers),
        "files": len(files),
    }
    return Summary(told, (out,) if len(files) > 3 else tuple(files), failed, empty, len(handed))


def _truths(run: RunFolder, only: Sequence[str], reviewed: Reviewed[S, F], noun: str) -> dict[str, Truth]:
    """What readers hold to be true, of each image that one of them finished.

    Raises:
        LesionkitError: nobody finished any, or a reader is asked for who is not there.
    """
    store = store_of(run)
    unknown = sorted(set(only) - set(store.readers()))
    if unknown:
        there = ", ".join(store.readers()) or "none"
        raise LesionkitError(f"--reader must be one who decided on this run, got '{unknown[0]}'; there is {there}")
    every = readings(store.rows())
    truths = {}
    for one in reviewed.found:
        name = one.item.case_id
        own: list[Reading] = [
            reading for reading in every.values() if reading.case_id == name and (not only or reading.reader in only)
        ]
        reach, line = reviewed.parts.reach_mm, reviewed.line.shown_from
        truth = truth_of(name, own, reviewed.findings[name], line, reach)
        if truth is not None:
            truths[name] = truth
    if not truths:
        raise LesionkitError(
            f"nobody has finished a {noun} of {run.path} yet, so nothing is known to be true of any; open it with "
            "lesionkit view, look through it and press F"
        )
    return truths


def _data_set(
    run: RunFolder, out: Path, reviewed: Reviewed[S, F], truths: Mapping[str, Truth], kind: Kind[S, F, Opened]
) -> Summary:
    """A data set to train on, with where each line came from."""
    parts, noun = reviewed.parts, kind.search.noun
    refuse_filled(out)
    failed = {name: why for name, why in reviewed.missing.items() if name in truths}
    if not parts.excludes:
        failed |= {name: _undecided(truth) for name, truth in truths.items() if truth.open and name not in failed}
    pairs = [
        (one, truths[one.item.case_id])
        for one in reviewed.found
        if one.item.case_id in truths and one.item.case_id not in failed
    ]
    if not pairs:
        raise LesionkitError(f"none of {len(truths)} {noun}s can be written; {next(iter(failed.values()))}")
    with replacing(out) as temporary:
        temporary.mkdir()
        files = [out / file.relative_to(temporary) for file in parts.write(temporary, pairs)]
        _write_provenance(temporary, run, pairs)
    told: dict[str, str | int | float] = {
        f"{noun}s": len(pairs),
        "lesions": sum(len(truth.lesions) for _, truth in pairs),
        "rejected findings": sum(len(truth.rejected) for _, truth in pairs),
        "open, counted neither way": sum(len(truth.open) for _, truth in pairs),
        "readers": ", ".join(sorted({reader for _, truth in pairs for reader in truth.readers})),
    }
    sentence = f"train on it with: lesionkit train {run.record['recipe']} {out}"
    return Summary(told, (out, *files[:1]), failed, (), len(truths), sentence)


def _undecided(truth: Truth) -> str:
    return (
        f"{truth.case_id}: {len(truth.open)} findings are open, as nobody decided on them or readers are of two minds, "
        "which such a data set cannot hold; decide on them, or name one --reader"
    )


def _write_provenance(folder: Path, run: RunFolder, pairs: Sequence[tuple[F, Truth]]) -> None:
    """`provenance.json`: which run, which readers, and every decision that made this truth."""
    names = {truth.case_id for _, truth in pairs}
    rows = [row for row in store_of(run).rows() if row.decision.case_id in names]
    told = {
        "made by": "lesionkit review export",
        "run": run_identity(run),
        "recipe": run.record["recipe"],
        "searched": run.record.get("started"),
        "rule": "a finding is a lesion where more than half of the readers who finished its image accept it",
        "images": {
            truth.case_id: {
                "readers": truth.readers,
                "lesions": len(truth.lesions),
                "rejected": len(truth.rejected),
                "open": len(truth.open),
                "notes": truth.notes,
            }
            for _, truth in pairs
        },
        "decisions": [
            {"number": row.number, "made_at": row.made_at, "reader": row.reader, **vars(row.decision)} for row in rows
        ],
    }
    write_text(folder / "provenance.json", json.dumps(told, indent=1) + "\n")
