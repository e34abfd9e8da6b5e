"""Is this machine fit: versions, processor, memory, disk, graphics card, models."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import psutil
from packaging.requirements import Requirement
from pydantic import Field

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.settings import Settings
from lesionkit.prepare.store import ReadRate, Store, measure_read_rate
from lesionkit.recipes import RECIPES, load_recipe
from lesionkit.runs.versions import installed_version, versions

Verdict: TypeAlias = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        verdict: "ok"; "note": works, and could be better; "bad": something will not work.
        advice: what to do, empty where nothing is.
    """

    name: str
    value: str
    verdict: Verdict = "ok"
    advice: str = ""


class DoctorSettings(Settings):
    """What the machine is measured against."""

    patch: int = Field(default=64, ge=1)
    """Side of the cubes that training reads, in samples."""
    demand_patches_per_s: float = Field(default=20.0, gt=0)
    """Patches a second that training eats: batch times steps a second. About 20 on two cores, 500 on a large GPU."""
    read_s: float = Field(default=2.0, gt=0)
    """How long reading is measured."""
    min_memory_gb: float = 4.0
    """Free memory that finding and training need."""
    min_disk_gb: float = 10.0
    """Free disk space for the store: a prepared CT takes about 30 MB."""


def examine(root: Path, settings: DoctorSettings) -> Iterator[Finding]:
    """All findings, one after the other as they are made.

    Args:
        root: folder of the store.
    """
    yield from _examine_versions()
    yield _examine_processor()
    yield _examine_device()
    yield _examine_memory(settings)
    yield _examine_disk(root, settings)
    yield _examine_reading(root, settings)
    yield from _examine_models()


def judge_reading(rate: ReadRate, where: str, settings: DoctorSettings) -> Finding:
    """Whether the disk keeps up with training; it should read twice as fast as training eats."""
    demand = settings.demand_patches_per_s
    value = (
        f"{rate.patches_per_s:.0f} patches of {settings.patch}³ a second from {where} in one process "
        f"({rate.mb_per_s:.0f} MB/s); training eats {demand:g}"
    )
    if rate.patches_per_s < demand:
        return Finding("reading", value, "bad", "the disk would starve training: put LESIONKIT_CACHE on a faster one")
    if rate.patches_per_s < 2 * demand:
        return Finding("reading", value, "note", "just enough; a faster disk for LESIONKIT_CACHE leaves room")
    return Finding("reading", value)


def _examine_versions() -> Iterator[Finding]:
    found = versions()
    yield Finding("lesionkit", f"{found['lesionkit']} {found.get('commit', '')[:10]}".strip())
    yield Finding("python", f"{found['python']} on {found['platform']}")
    wrong, count = [], 0
    for text in metadata.requires("lesionkit") or ():
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        version, count = installed_version(need.name), count + 1
        if version is None or not need.specifier.contains(version, prereleases=True):
            wrong.append(f"{need.name} {version or 'missing'} (needs {need.specifier})")
    if wrong:
        yield Finding("packages", "; ".join(wrong), "bad", "pip install --upgrade lesionkit")
    else:
        yield Finding("packages", f"{count} required packages fit")
    for extra, name in (("sweep", "optuna"), ("cluster", "ray")):
        version = installed_version(name)
        advice = "" if version else f"only for '{extra}': pip install 'lesionkit[{extra}]'"
        yield Finding(name, version or "not installed", "ok" if version else "note", advice)


def _examine_processor() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    listing = Path("/proc/cpuinfo")
    flags = set(listing.read_text(encoding="utf-8").split()) if listing.is_file() else set()
    fast = [flag for flag in ("amx_bf16", "avx512_bf16", "bf16") if flag in flags]
    value = (
        f"{cores} cores, {platform.processor() or platform.machine()}, bf16 {'by ' + fast[0] if fast else 'emulated'}"
    )
    return Finding("processor", value, *(() if fast else ("note", "32-bit floats are faster here than bf16")))


def _examine_device() -> Finding:
    from lesionkit.nets.weights import pick_device

    device = str(pick_device("auto"))
    if device == "cpu":
        return Finding("graphics card", "none", "note", "the processor does the work; finding takes seconds a scan")
    return Finding("graphics card", device)


def _examine_memory(settings: DoctorSettings) -> Finding:
    memory = psutil.virtual_memory()
    value = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free"
    if memory.available < settings.min_memory_gb * 1e9:
        return Finding("memory", value, "note", f"{settings.min_memory_gb:g} GB are wanted; close other programs")
    return Finding("memory", value)


def _examine_disk(root: Path, settings: DoctorSettings) -> Finding:
    free = shutil.disk_usage(_existing(root)).free
    value = f"{free / 1e9:.1f} GB free for the store in {root}"
    if not os.access(_existing(root), os.W_OK):
        return Finding("disk", value, "bad", "the folder cannot be written to; set LESIONKIT_CACHE to another")
    if free < settings.min_disk_gb * 1e9:
        return Finding("disk", value, "note", f"{settings.min_disk_gb:g} GB are wanted; set LESIONKIT_CACHE elsewhere")
    return Finding("disk", value)


def _examine_reading(root: Path, settings: DoctorSettings) -> Finding:
    store = Store(root)
    try:
        if store.ls():
            return judge_reading(_measure(store, settings), "the store", settings)
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=_existing(root)) as folder:
            trial = Store(Path(folder))
            _fill(trial)
            return judge_reading(_measure(trial, settings), "a trial case", settings)
    except (LesionkitError, OSError) as error:
        return Finding("reading", f"not measured: {error}", "bad", "set LESIONKIT_CACHE to a folder that can be used")


def _measure(store: Store, settings: DoctorSettings) -> ReadRate:
    # Checksums are compared at the first use; after that the files are dropped from memory, to read from the disk.
    for entry in store.ls():
        store.get(entry.key)
    if hasattr(os, "posix_fadvise"):
        for file in store.root.rglob("*.b2nd"):
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return measure_read_rate(store, settings.patch, settings.read_s)


def _fill(store: Store) -> None:
    """One case that compresses about as a CT does: smooth tissue with noise of 30 HU."""
    shape = (192, 256, 256)
    rng = np.random.default_rng(0)
    hu = np.linspace(-900, 100, shape[0], dtype=np.float32)[:, None, None] + rng.normal(0, 30, shape)
    image = ArrayImage(Grid.upright(shape, (1.0, 1.0, 1.0)), hu.astype(np.int16))
    store.put("trial", Case("trial", "trial", image))


def _examine_models() -> Iterator[Finding]:
    for name in RECIPES:
        shipped = load_recipe(name).shipped_models()
        if shipped:
            yield Finding(name, "ships " + ", ".join(f"{model} ({_mb(file)})" for model, file in shipped.items()))
        else:
            yield Finding(name, "ships no model", "note", f"train one: lesionkit train {name} DATA")


def _mb(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
