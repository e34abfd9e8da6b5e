"""Time the LUNA16 evaluator on a set of the full size, beside a literal implementation of the published algorithm.

    python benchmarks/evaluate_luna16.py [--literal-draws N]

888 scans, 1,186 nodules, 35,000 excluded findings, 55,000 marks, 1,000 draws of scans. Prints seconds after imports and
the peak memory of the process before the literal part starts, then the ratio. The literal part repeats the loops of the
organisers' script: the tables are searched for every scan, every mark is compared with every finding, arrays grow mark
by mark. Of its 1,000 bootstrap draws N are run, the time of the others is extrapolated.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from lesionkit.evaluate.document import to_document, to_tables
from lesionkit.evaluate.luna16 import EXACT, OFFICIAL, score_luna16
from lesionkit.read.truth.luna import read_annotations, read_marks, read_series_list
from lesionkit.write.score import write_score

SCANS, NODULES, EXCLUDED, MARKS = 888, 1186, 35_000, 55_000
COLUMNS = ["seriesuid", "coordX", "coordY", "coordZ"]
RATES = (0.125, 0.25, 0.5, 1, 2, 4, 8)
LIMIT = 100


def make_set(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, list[str]]:
    """Marks, nodules, excluded findings and series of the full size; 93 % of the nodules are marked."""
    rng = np.random.default_rng(seed)
    series = [f"1.3.6.1.4.1.14519.5.2.1.6279.6001.{i:030d}" for i in range(SCANS)]
    name = np.array(series, dtype=object)

    def table(n: int) -> pd.DataFrame:
        frame = pd.DataFrame(rng.uniform((-150, -150, -300), (150, 150, 0), size=(n, 3)), columns=COLUMNS[1:])
        frame.insert(0, "seriesuid", name[rng.integers(0, SCANS, n)])
        return frame

    nodules, excluded, marks = table(NODULES), table(EXCLUDED), table(MARKS)
    nodules["diameter_mm"] = rng.lognormal(2.0, 0.5, NODULES).clip(3, 30)
    excluded["diameter_mm"] = np.where(rng.random(EXCLUDED) < 0.85, -1.0, rng.uniform(3, 30, EXCLUDED))
    marks["probability"] = rng.beta(0.4, 3, MARKS)
    hit = np.flatnonzero(rng.random(NODULES) < 0.93)
    marks.loc[hit, COLUMNS] = nodules.loc[hit, COLUMNS].to_numpy()
    marks.loc[hit, COLUMNS[1:]] += rng.normal(0, 0.8, (len(hit), 3))
    marks.loc[hit, "probability"] = rng.beta(2, 1, len(hit))
    return marks, nodules, excluded, series


def literal(marks, nodules, excluded, series, draws):
    """The published algorithm, loop by loop: seconds of the matching, seconds of one draw, CPM."""
    start = time.perf_counter()
    findings = [(*row, "included") for row in nodules[[*COLUMNS, "diameter_mm"]].itertuples(index=False)]
    findings += [(*row, "excluded") for row in excluded[[*COLUMNS, "diameter_mm"]].itertuples(index=False)]
    rows = list(marks[[*COLUMNS, "probability"]].itertuples(index=False))
    entries = []  # (series, truth, probability, whether it is a miss and has no threshold)
    for uid in series:
        candidates = {i: row for i, row in enumerate(rows) if row[0] == uid}
        if len(candidates) > LIMIT:
            limit = sorted((row[4] for row in candidates.values()), reverse=True)[LIMIT]
            candidates = {key: row for key, row in candidates.items() if row[4] > limit}
        entries += literal_scan(uid, [row for row in findings if row[0] == uid], candidates)
    seconds = time.perf_counter() - start
    cpm = float(np.mean(np.interp(RATES, *literal_froc(entries, len(series)))))
    start = time.perf_counter()
    literal_bootstrap(entries, series, draws)
    return seconds, (time.perf_counter() - start) / draws, cpm


def literal_scan(uid, findings, candidates):
    left, entries = dict(candidates), []
    for _, x, y, z, diameter, state in findings:
        radius = (10.0 if diameter < 0 else diameter) / 2
        matches = []
        for key, (_, x2, y2, z2, probability) in candidates.items():
            if pow(x - x2, 2) + pow(y - y2, 2) + pow(z - z2, 2) < pow(radius, 2):
                left.pop(key, None)
                matches.append(probability)
        if state == "included":
            entries.append((uid, 1.0, max(matches), False) if matches else (uid, 1.0, -1e9, True))
    return entries + [(uid, 0.0, row[4], False) for row in left.values()]


def literal_bootstrap(entries, series, draws):
    of_series = {}
    for uid, *entry in entries:
        column = np.array(entry, dtype=float)[:, None]
        of_series[uid] = np.concatenate((of_series[uid], column), axis=1) if uid in of_series else column
    rng = np.random.default_rng(0)
    grid, curves = np.linspace(0.125, 8, 10_000), []
    for _ in range(draws):
        drawn = None
        for i in rng.integers(0, len(series), len(series)):
            if series[i] in of_series:
                more = of_series[series[i]]
                drawn = more.copy() if drawn is None else np.concatenate((drawn, more), axis=1)
        curves.append(np.interp(grid, *literal_froc([(None, *column) for column in drawn.T], len(series))))
    for column in np.array(curves, dtype=np.float32).T:
        column.sort()


def literal_froc(entries, n_scans):
    truth, score = [], []
    for _, is_true, probability, is_miss in entries:
        if not is_miss:
            truth.append(is_true)
            score.append(probability)
    order = np.argsort(-np.array(score), kind="mergesort")
    ordered = np.array(score)[order]
    last = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]
    hits = np.cumsum(np.array(truth)[order])[last]
    return np.r_[0, 1 + last - hits] / n_scans, np.r_[0, hits] / sum(entry[1] for entry in entries)


def time_files(tables) -> float:
    """Seconds to read the tables, score them and write JSON and CSV."""
    marks, nodules, excluded, series = tables
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        marks.to_csv(folder / "marks.csv", index=False)
        nodules.to_csv(folder / "annotations.csv", index=False)
        excluded.to_csv(folder / "excluded.csv", index=False)
        (folder / "series.csv").write_text("\n".join(series))
        start = time.perf_counter()
        read = [read_marks(folder / "marks.csv")]
        read += [read_annotations(folder / f"{name}.csv") for name in ("annotations", "excluded")]
        score = score_luna16(*read, read_series_list(folder / "series.csv"))
        write_score(folder / "score", to_document(score), to_tables(score))
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--literal-draws", type=int, default=10, help="draws of the literal part that are run; 0: none")
    draws = parser.parse_args().literal_draws
    tables = make_set()
    seconds = {}
    for name, settings in (("official", OFFICIAL), ("exact", EXACT)):
        start = time.perf_counter()
        score = score_luna16(*tables, settings)
        seconds[name] = time.perf_counter() - start
        print(f"{name:23s} {seconds[name]:8.2f} s   CPM {score.figures['cpm'].value:.9f}")
    print(f"{'official, with files':23s} {time_files(tables):8.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'peak memory':23s} {peak:8.0f} MB  (Python, libraries and tables included)")
    if draws:
        matching, per_draw, cpm = literal(*tables, draws)
        total = matching + OFFICIAL.bootstrap * per_draw
        print(f"{'literal':23s} {total:8.0f} s   CPM {cpm:.9f}   ({matching:.1f} s + 1,000 x {per_draw:.3f} s)")
        print(f"{'literal / official':23s} {total / seconds['official']:8.0f}")


if __name__ == "__main__":
    main()
