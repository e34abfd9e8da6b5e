"""The files of two recordings of same_outputs.py, read as what they mean, and what differs between them."""

import base64
import csv
import difflib
import fnmatch
import hashlib
import html
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
import yaml
from PIL import Image
from safetensors import safe_open

from same_outputs_names import MOVED, moved_back, swapped, why_meant, with_names

SKIPPED = (
    "log.txt",
    ".lock",
    "sweep.journal",
    "*.ckpt",
    "events.out.*",
    "*/checkpoints/*",
    "*/tensorboard/*",
    "*/metrics/*",
)
# What differs between two recordings of the same code: times, places, processes, and hashes of files that hold times.
VOLATILE = re.compile(
    r"started|ended|begun|(.*[_ ])?seconds|.*_s|time|.* time|time .*|steps per second|steps_per_s|speed/.*|minutes|"
    r"pid|pid_started|host|versions?|path|bytes|sha256|modified",
    re.IGNORECASE,
)
_TOLERANCE = 1e-6
_PATTERNS = (
    (r"━+.*?(loss|$)", r"\1"),
    (r"\d{4}-\d\d-\d\d[T _]\d\d[:-]\d\d(:\d\d|-\d\d)?([+-]\d\d:\d\d|Z)?( +\d+(\.\d+)?(?= ))?", "DATE"),
    (r"\b\d+(\.\d+)? ?(s|ms|min|h|minutes|seconds)\b", "TIME"),
    (r"\b(training_s|speed/\w+) \S+", r"\1 TIME"),
    (r"\b(complete|pruned|failed) +(\S+) +(\d+) +\S+", r"\1 \2 \3 TIME"),
    (r"\b(lesionkit|python|torch) \d+(\.\d+)+\S*", r"\1 VERSION"),
    (r"(?<![.\w])(?=\d*[a-f])[0-9a-f]{8,64}\b", "HASH"),
    (r"(steps per second|time waiting for data) +[^ ,]+", r"\1 SPEED"),
    (r" +", " "),
)


def compare(before: Path, after: Path, kinds: tuple[str, ...], shown: int) -> int:
    """Tell what differs in the steps of some kinds; 1 where something does that is not meant."""
    meant: Counter[str] = Counter()
    unmeant, same = 0, 0
    for name in sorted(_files(before, kinds) | {swapped(f, moved_back()) for f in _files(after, kinds)}):
        told = list(_differences(name, before, after))
        plain = [line for line in told if not why_meant(line)]
        meant.update(why for line in told if (why := why_meant(line)))
        for line in plain[:shown]:
            print(line)
        if len(plain) > shown:
            print(f"{name}: and {len(plain) - shown} more")
        unmeant += len(plain)
        same += not told
    for why, count in meant.items():
        print(f"meant: {why} ({count} differences)")
    print(f"{same} files the same, {unmeant} differences that are not meant")
    return 1 if unmeant else 0


def _files(folder: Path, kinds: tuple[str, ...]) -> set[str]:
    steps = [p for p in folder.iterdir() if p.name.split("-")[0] in kinds]
    files = [f for step in steps for f in ([step] if step.is_file() else step.rglob("*")) if f.is_file()]
    names = {file.relative_to(folder).as_posix() for file in files}
    return {name for name in names if not any(fnmatch.fnmatch(name, f"*{pattern}") for pattern in SKIPPED)}


def _differences(name: str, before: Path, after: Path) -> Iterator[str]:
    old, new = before / name, after / swapped(name, MOVED)
    if not old.is_file() or not new.is_file():
        yield f"{name}: {'is new' if new.is_file() else 'is gone'}"
        return
    try:
        first, second = _read(old, before), _read(new, after)
    except Exception as error:  # A file that cannot be read is a difference, whatever is wrong with it.
        yield f"{name}: cannot be read ({type(error).__name__}: {error})"
        return
    recipe = _recipe(old)
    here, there = (with_names(read, recipe) for read in (first, second))
    yield from (f"{name}: {line}" for line in _unlike(here, there))


def _read(file: Path, base: Path) -> Any:
    """What a file means, as nested mappings, lists, arrays, numbers and words."""
    kind = file.suffix
    if kind in (".json", ".geojson"):
        return _plain(json.loads(file.read_text(encoding="utf-8")), base)
    if kind == ".csv":
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
        kept = [n for n, title in enumerate(rows[0] if rows else []) if not VOLATILE.fullmatch(title)]
        return [[_number(row[n], base) for n in kept if n < len(row)] for row in rows]
    if kind == ".parquet":
        table = pd.read_parquet(file)
        columns = {str(c): table[c].tolist() for c in table.columns if not VOLATILE.fullmatch(str(c))}
        return _plain(columns, base)
    if kind in (".png", ".tif", ".npy", ".npz"):
        return _arrays(file)
    if kind == ".safetensors":
        return _model(file, base)
    if kind in (".html", ".txt", ".yaml"):
        return _lines(file, base)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _arrays(file: Path) -> Any:
    if file.suffix == ".png":
        with Image.open(file) as picture:
            return np.asarray(picture)
    if file.suffix == ".tif":
        with tifffile.TiffFile(file) as slide:
            return {f"page {n}": page.asarray() for n, page in enumerate(slide.pages)}
    loaded = np.load(file)
    return loaded if file.suffix == ".npy" else {name: loaded[name] for name in loaded.files}


def _model(file: Path, base: Path) -> Any:
    with safe_open(file, framework="np") as opened:
        header = opened.metadata()
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    read = {name: json.loads(text) if text.startswith("{") else text for name, text in header.items()}
    return {"weights": tensors, **_plain(read, base)}


def _lines(file: Path, base: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".yaml":
        return _plain(yaml.safe_load(text), base)
    lines = [_words(line, base).strip() for line in (_page(text) if file.suffix == ".html" else text).splitlines()]
    return "\n".join(line for line in lines if line)


def _page(text: str) -> str:
    """The words of a page, its pictures and drawings as hashes, without columns and rows of times."""
    text = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.S)
    text = re.sub(r"<dt>(?:[^<]*seconds|bytes|sha256)</dt><dd>.*?</dd>", "", text)
    text = re.sub(r"<table>.*?</table>", lambda match: _table(match[0]), text, flags=re.S)
    pictures = r"data:image/[a-z+]+;base64,([A-Za-z0-9+/=]+)"
    text = re.sub(pictures, lambda match: f"PICTURE-{_short(base64.b64decode(match[1]))}", text)
    text = re.sub(r"<[^>]*?(PICTURE-\w+)[^>]*>", r"\n\1\n", text)
    shapes = r' (?:d|points|cx|cy|r|transform)="[^"]*"'
    text = re.sub(
        r"<svg\b.*?</svg>",
        lambda match: f"{match[0]}\nDRAWING-{_short(' '.join(re.findall(shapes, match[0])).encode())}\n",
        text,
        flags=re.S,
    )
    return html.unescape(re.sub(r"\s*<[^>]+>\s*", "\n", text))


def _table(text: str) -> str:
    titles = [re.sub(r"<[^>]+>", "", title) for title in re.findall(r"<th\b.*?</th>", text, flags=re.S)]
    cells = r"(<td\b.*?</td>)"

    def row(match: re.Match[str]) -> str:
        parts = re.findall(cells, match[0], flags=re.S)
        kept = [part for n, part in enumerate(parts) if n >= len(titles) or not VOLATILE.fullmatch(titles[n])]
        return "".join(kept) if parts else match[0]

    return re.sub(r"<tr>.*?</tr>", row, text, flags=re.S)


def _short(content: bytes) -> str:
    return f"g{hashlib.sha256(content).hexdigest()[:11]}"


def _plain(value: Any, base: Path) -> Any:
    """Without what is volatile."""
    if isinstance(value, Mapping):
        kept = {str(k): v for k, v in value.items() if not VOLATILE.fullmatch(str(k))}
        return {_words(k, base): _plain(v, base) for k, v in kept.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v, base) for v in value]
    return _words(value, base) if isinstance(value, str) else value


def _words(text: str, base: Path) -> str:
    for place in (base, *_inputs_of(base)):
        joined = "__".join(place.parts[1:])
        text = text.replace(str(place), "PLACE").replace(joined, "PLACE")
    for pattern, instead in _PATTERNS:
        text = re.sub(pattern, instead, text)
    return text


def _inputs_of(base: Path) -> tuple[Path, ...]:
    noted = base / "inputs.path"
    return (Path(noted.read_text(encoding="utf-8").strip()),) if noted.is_file() else (base / "inputs",)


def _number(text: str, base: Path) -> Any:
    try:
        return float(text)
    except ValueError:
        return _words(text, base)


def _unlike(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Where two values differ, a phrase each."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            here = f"{where}.{key}" if where else str(key)
            if key not in new or key not in old:
                yield f"{here} {'is gone' if key in old else 'is new'} ({_cut(old.get(key, new.get(key)))})"
            else:
                yield from _unlike(old[key], new[key], here)
    elif isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        if old.shape != new.shape or old.dtype != new.dtype:
            yield f"{where} was {old.dtype} {old.shape}, is {new.dtype} {new.shape}"
        elif not np.allclose(old, new, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=old.dtype.kind == "f"):
            gap = np.abs(old.astype(float) - new.astype(float))
            yield f"{where} differs in {(gap > _TOLERANCE).sum()} of {old.size} values by up to {gap.max():.3g}"
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{where} had {len(old)} entries, has {len(new)}"
        for number, pair in enumerate(zip(old, new, strict=False)):
            yield from _unlike(*pair, f"{where}[{number}]")
    elif isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
        yield from (line for line in lines if not line.startswith(("---", "+++", "@@")))
    elif not _equal(old, new):
        yield f"{where} was {_cut(old)}, is {_cut(new)}"


def _equal(old: Any, new: Any) -> bool:
    if isinstance(old, bool) or isinstance(new, bool) or not isinstance(old, int | float):
        return old is new or repr(old) == repr(new)
    if not isinstance(new, int | float):
        return False
    return (old != old and new != new) or math.isclose(old, new, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 90 else f"{text[:87]}…"


def _recipe(file: Path) -> str:
    """Of the run that a file lies in."""
    for folder in file.parents:
        if (folder / "run.json").is_file():
            return str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["recipe"])
    return ""
