"""Time `score_luna16` on a set of the full size of LUNA16, beside a literal implementation of the published algorithm.

    python benchmarks/evaluate_luna16.py [--literal-draws N]

888 scans, 1,186 nodules, 35,000 excluded findings, 55,000 marks, 1,000 draws of scans. Prints seconds after imports,
the peak memory of the process before the literal part starts, and the ratio. The literal part repeats the loops of
the organisers' script over findings and marks; of its 1,000 bootstrap draws N are run and the time is scaled up.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd

from lesionkit.evaluate.luna16 import EXACT, OFFICIAL, score_luna16

SCANS, NODULES, EXCLUDED, MARKS = 888, 1186, 35_000, 55_000
COLUMNS = ["seriesuid", "coordX", "coordY", "coordZ"]
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
    """The published algorithm, loop by loop; seconds of the matching and of one bootstrap draw, and the CPM."""
    start = time.perf_counter()
    annotations = [(*row, "included") for row in nodules[[*COLUMNS, "diameter_mm"]].itertuples(index=False)]
    annotations += [(*row, "excluded") for row in excluded[[*COLUMNS, "diameter_mm"]].itertuples(index=False)]
    by_series = {uid: [] for uid in series}
    for row in annotations:
        by_series[row[0]].append(row)
    marks_of = {uid: {} for uid in series}
    for i, row in enumerate(marks[[*COLUMNS, "probability"]].itertuples(index=False)):
        marks_of[row[0]][i] = row
    entries = []  # (series, truth, probability, left out of the thresholds)
    for uid in series:
        candidates = marks_of[uid]
        if len(candidates) > LIMIT:
            limit = sorted((row[4] for row in candidates.values()), reverse=True)[LIMIT]
            candidates = {key: row for key, row in candidates.items() if row[4] > limit}
        left = dict(candidates)
        for _, x, y, z, diameter, state in by_series[uid]:
            radius = (10.0 if diameter < 0 else diameter) / 2
            matches = []
            for key, (_, x2, y2, z2, probability) in candidates.items():
                if (x - x2) ** 2 + (y - y2) ** 2 + (z - z2) ** 2 < radius**2:
                    left.pop(key, None)
                    matches.append(probability)
            if state == "included":
                entries.append((uid, 1.0, max(matches), False) if matches else (uid, 1.0, -1e9, True))
        entries += [(uid, 0.0, row[4], False) for row in left.values()]
    matched = time.perf_counter() - start
    rates, grid = (0.125, 0.25, 0.5, 1, 2, 4, 8), np.linspace(0.125, 8, 10_000)
    cpm = float(np.mean(np.interp(rates, *_literal_froc(entries, len(series)))))
    start = time.perf_counter()
    of_series = {}
    for entry in entries:
        of_series.setdefault(entry[0], []).append(entry)
    rng = np.random.default_rng(0)
    curves = []
    for _ in range(draws):
        drawn = [entry for i in rng.integers(0, len(series), len(series)) for entry in of_series.get(series[i], ())]
        curves.append(np.interp(grid, *_literal_froc(drawn, len(series))))
    np.sort(np.array(curves, dtype=np.float32), axis=0)
    return matched, (time.perf_counter() - start) / max(draws, 1), cpm


def _literal_froc(entries, n_scans):
    truth = np.array([e[1] for e in entries if not e[3]])
    order = np.argsort(-np.array([e[2] for e in entries if not e[3]]), kind="mergesort")
    score = np.array([e[2] for e in entries if not e[3]])[order]
    last = np.r_[np.flatnonzero(np.diff(score)), len(score) - 1]
    hits = np.cumsum(truth[order])[last]
    wrong = 1 + last - hits
    return np.r_[0, wrong] / n_scans, np.r_[0, hits] / sum(e[1] for e in entries)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--literal-draws", type=int, default=20, help="bootstrap draws of the literal part, 0: skip it")
    draws = parser.parse_args().literal_draws
    tables = make_set()
    seconds = {}
    for name, settings in (("official", OFFICIAL), ("exact", EXACT)):
        start = time.perf_counter()
        score = score_luna16(*tables, settings)
        seconds[name] = time.perf_counter() - start
        print(f"{name:9s} {seconds[name]:7.3f} s   CPM {score.figures['cpm'].value:.9f}")
    print(
        f"peak memory of the process, imports and tables included: "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )
    if draws:
        matched, per_draw, cpm = literal(*tables, draws)
        total = matched + OFFICIAL.bootstrap_samples * per_draw
        print(f"literal   {total:7.1f} s   CPM {cpm:.9f}   (matching {matched:.2f} s, {per_draw:.4f} s per draw)")
        print(f"ratio     {total / seconds['official']:7.0f}")


if __name__ == "__main__":
    main()
