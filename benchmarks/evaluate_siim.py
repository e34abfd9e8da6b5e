"""How long a SIIM submission of full size takes: `python benchmarks/evaluate_siim.py`.

12,047 images of 1024 x 1024, 22 % of them with one or two blobs of 50 to 250 columns, the marks shifted copies of the
truth; read from CSV files and scored with 1,000 bootstrap draws.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from lesionkit.evaluate.siim import score_siim
from lesionkit.read.truth.siim import read_siim_table

N_IMAGES = 12_047
SIDE = 1024


def blob(rng: np.random.Generator, shift: int) -> str:
    """An ellipse of random size as rle_siim text."""
    width = int(rng.integers(50, 250))
    column, row = int(rng.integers(0, SIDE - width)), int(rng.integers(200, 800))
    half = np.maximum(1, np.sqrt(1 - np.linspace(-1, 1, width) ** 2) * rng.integers(20, 150)).astype(int)
    starts = (column + np.arange(width)) * SIDE + row - half + shift
    edges = np.stack([starts, starts + 2 * half], axis=1).ravel()
    return " ".join(map(str, np.diff(np.concatenate([[0], edges])).tolist()))


def write_tables(folder: Path) -> None:
    truth, marks = ["ImageId, EncodedPixels"], ["ImageId,EncodedPixels"]
    for i in range(N_IMAGES):
        n_blobs = int(np.random.default_rng(i).choice(3, p=[0.78, 0.15, 0.07]))
        for rows, shift in ((truth, 0), (marks, 10)):
            rng = np.random.default_rng(i)
            rows += [f"image{i},{blob(rng, shift)}" for _ in range(n_blobs)] or [f"image{i}, -1"]
    (folder / "truth.csv").write_text("\n".join(truth), encoding="utf-8")
    (folder / "marks.csv").write_text("\n".join(marks), encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder)
        start = time.perf_counter()
        truth, marks = read_siim_table(folder / "truth.csv"), read_siim_table(folder / "marks.csv")
        read = time.perf_counter()
        score = score_siim(truth, marks)
        done = time.perf_counter()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{N_IMAGES} images: read {read - start:.2f} s, score {done - read:.2f} s, {peak_mb:.0f} MB")
    print(f"dice {score.figures['dice'].value:.4f}, baseline {score.figures['all-empty baseline'].value:.4f}")


if __name__ == "__main__":
    main()
