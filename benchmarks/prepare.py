"""How long a CT takes from DICOM to the store, step by step.

    python benchmarks/prepare.py [SCAN]

Default: LIDC-IDRI-0001 of the data folder. Two threads, no GPU, int16 volumes, float32 in between; interpreter start
and imports are not counted. Best of three after one warm-up, the presets timed once. The peer is the plain chain of
SimpleITK, SciPy and cc3d that one would write in an afternoon; it has no chest search, no store and no checks.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from lesionkit.core.image import ArrayImage
from lesionkit.prepare.case import PrepareSettings, prepare_ct
from lesionkit.prepare.chest import find_chest
from lesionkit.prepare.coarse import coarsen
from lesionkit.prepare.lung.trace import PRESETS, LungSettings, trace_lungs
from lesionkit.prepare.spacing import resample_onto
from lesionkit.prepare.store import Store, content_of, measure_read_rate
from lesionkit.read.scan import open_scan

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[1] / "../shared/data"))
REPEATS = 3


def main() -> None:
    scan = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "ct/LIDC-IDRI-0001/dicom"
    before_mb = peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        total = best(lambda: chain(scan, store))
        print(f"{scan.parent.name}/{scan.name}: DICOM -> 1 mm -> lungs -> store {total:6.2f} s  (target 1.5)")
        print(f"peak memory {peak_mb():.0f} MB, of it imports {before_mb:.0f} MB  (target 1200)")
        steps(scan, store)
        reading(store)
    print(f"peer: SimpleITK + SciPy + cc3d, no store {best(lambda: peer(scan)):6.2f} s")
    presets(scan)


def best(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the best of some runs, after one that warms caches."""
    work()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def chain(scan: Path, store: Store) -> None:
    store.clear()
    settings = PrepareSettings()
    case = open_scan(scan)
    store.put(store.key(content_of(case), settings), prepare_ct(case, settings))


def steps(scan: Path, store: Store) -> None:
    case = open_scan(scan)
    prepared = prepare_ct(case)
    work = coarsen(case.image, LungSettings().working_spacing_mm)
    chest = find_chest(work)
    part = ArrayImage(work.grid.crop(chest.box), work.read(chest.box))
    grid = prepared.image.grid
    lungs = trace_lungs(part)

    def put() -> None:
        store.clear()
        store.put("a", prepared)

    for name, work_of_step in {
        "read": lambda: open_scan(scan),
        "content hash": lambda: content_of(case),
        "coarse copy": lambda: coarsen(case.image, LungSettings().working_spacing_mm),
        "find chest": lambda: find_chest(work),
        "lungs (fast)": lambda: trace_lungs(part),
        "resample to 1 mm": lambda: resample_onto(case.image, grid),
        "lungs to 1 mm": lambda: lungs.on(grid),
        "store and verify": put,
    }.items():
        print(f"  {name:18s} {best(work_of_step):6.3f} s")


def reading(store: Store) -> None:
    for entry in store.ls():
        print(f"stored {entry.size_bytes / 1e6:.1f} MB of {entry.raw_bytes / 1e6:.1f} MB")
    for side in (64, 96, 128):
        rate = measure_read_rate(store, side, seconds=1.0)
        print(f"  random {side:3d}^3 patches {rate.patches_per_s:6.0f} /s  {rate.mb_per_s:6.0f} MB/s")


def presets(scan: Path) -> None:
    image = open_scan(scan).image
    fast = best(lambda: trace_lungs(image))
    for preset in PRESETS:
        lungs = trace_lungs(image, LungSettings(preset=preset))
        seconds = fast if preset == "fast" else lungs.seconds
        ratio = f"{seconds / fast:5.1f} x fast"
        print(f"lungs {preset:12s} {seconds:6.2f} s  {ratio}  {lungs.volume_l:.2f} L  {lungs.failure or ''}")


def peer(scan: Path) -> np.ndarray:
    """Read, resample to 1 mm, and lungs at 2 mm: threshold, clear the border, two largest, close, fill."""
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(scan)) if scan.is_dir() else str(scan))
    fine, coarse = peer_resample(image, 1.0, sitk.sitkInt16), peer_resample(image, 2.0, sitk.sitkInt16)
    air = sitk.GetArrayFromImage(coarse) < -500
    for plane in air:
        labels = cc3d.connected_components(plane, connectivity=4)
        edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        plane[np.isin(labels, edge)] = False
    lungs = cc3d.largest_k(air, k=2, connectivity=6) > 0
    lungs = ndimage.binary_closing(lungs, iterations=5)
    lungs = ndimage.binary_fill_holes(lungs)
    index = [np.minimum(np.arange(n) // 2, m - 1) for n, m in zip(fine.GetSize()[::-1], lungs.shape, strict=True)]
    return lungs[index[0]][:, index[1]][:, :, index[2]]


def peer_resample(image: sitk.Image, spacing_mm: float, pixel: int) -> sitk.Image:
    size = [round(n * s / spacing_mm) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    return sitk.Resample(
        image,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        image.GetOrigin(),
        [spacing_mm] * 3,
        image.GetDirection(),
        -1024,
        pixel,
    )


if __name__ == "__main__":
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
    main()
