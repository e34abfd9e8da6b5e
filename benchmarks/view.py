"""Measure the page: the first picture of a large scan, scrolling, and decisions that outlive kills.

python benchmarks/view.py first --work WORK             # 512 x 512 x 300, until the first picture
python benchmarks/view.py scroll --work WORK [--gl]     # slices a second that Chromium painted, traced
python benchmarks/view.py kills --work WORK             # 100 decisions, the server killed 10 times
python benchmarks/view.py retrain --work WORK           # a training on corrected truth is seen to use it

Needs Chromium and `pip install playwright`. WORK is made once: a synthetic scan without nodules, and a run that lists
places in it as findings, for what is measured is the page and no search.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import ReviewRequest
from lesionkit.runs.records import write_record
from lesionkit.runs.run_folder import open_run, read_run
from lesionkit.write.dicom import write_series
from lesionkit.write.volume import write_volume

SHAPE, SPACING = (300, 512, 512), (1.0, 0.7, 0.7)
SOFTWARE = ["--no-sandbox", "--disable-quic", "--disable-gpu"]
SWIFTSHADER = ["--no-sandbox", "--disable-quic", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def make_run(work: Path, form: str) -> Path:
    """A run of one scan of noise between air and tissue, with 100 places as findings."""
    if (work / form / "run" / "run.json").is_file():
        return work / form / "run"
    rng = np.random.default_rng(1)
    small = rng.normal(0, 60, (30, 512, 512)).astype(np.int16)
    hu = np.concatenate([np.roll(small, 7 * k, axis=1) for k in range(10)]) - 700
    hu[:, :, 180:330] += 740
    grid = Grid.upright(SHAPE, SPACING)
    image, folder = ArrayImage(grid, hu), work / form / "images"
    path = folder / "scan" if form == "dicom" else folder / f"scan.{form}"
    folder.mkdir(parents=True, exist_ok=True)
    if form == "dicom":
        write_series(Case("1.2.3.4", "p", image), path)
    else:
        write_volume(image, path, compress=False)
    places = rng.uniform(0.1, 0.9, (100, 3)) * grid.size_mm[::-1]
    marks = [[place.tolist(), 0.999 - 0.001 * n, 8.0, False] for n, place in enumerate(places)]
    facts = {"seconds": {"total": 0.0}, "warnings": []}
    recipe = load_recipe("ct-nodule")
    with open_run(work / form / "run", recipe.name, recipe.settings(), {"input": folder}) as run:
        item = {"case_id": "scan", "path": str(path), "patient_id": "p", "known": None}
        found = {"patient_id": "p", "grid": asdict(grid), "candidates": marks, "facts": facts}
        write_record(run.path, "scan", {"item": item, **found})
        run.once("find", lambda: {"failed": {}, "left out": {}})
    return work / form / "run"


@contextmanager
def served(run: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    words = [sys.executable, "-m", "lesionkit", "view", str(run), "--reader", "bench"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        yield next(m.group(1) for line in process.stdout if (m := re.search(r"open (http\S+)", line))), process
    finally:
        process.kill()
        process.wait()


@contextmanager
def browsed(gl: bool) -> Iterator[Page]:
    with sync_playwright() as play:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = play.chromium.launch(executable_path=path, args=SWIFTSHADER if gl else SOFTWARE)
        yield browser.new_page(viewport={"width": 1400, "height": 900}, bypass_csp=True)
        browser.close()


def first(work: Path) -> None:
    for form in ("mha", "nii.gz", "dicom"):
        run = make_run(work, form)
        with browsed(False) as page, served(run) as (address, process):
            watched = psutil.Process(process.pid)
            before = sum(watched.cpu_times()[:2])
            page.goto(address)
            page.wait_for_function("document.body.dataset.first", timeout=120_000)
            told = float(page.evaluate("document.body.dataset.first")) / 1000
            print(
                f"{form}: three planes {told:.2f} s after the address was opened, for which the server used "
                f"{sum(watched.cpu_times()[:2]) - before:.2f} s of a processor; load {os.getloadavg()[0]:.1f} on "
                f"{os.cpu_count()} cores",
                flush=True,
            )


def scroll(work: Path, gl: bool, seconds: float = 6.0) -> None:
    """Every slice that was painted is counted, once its picture is on the canvas and a frame was presented."""
    with served(make_run(work, "mha")) as (address, _), browsed(gl) as page:
        page.goto(f"{address}?renderer=niivue" if gl else address)
        page.wait_for_function(f"document.body.dataset.{'volume' if gl else 'first'}", timeout=180_000)
        tracing = page.context.new_cdp_session(page)
        events: list[dict] = []
        tracing.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
        tracing.send(
            "Tracing.start", {"categories": "devtools.timeline,cc,viz,disabled-by-default-devtools.timeline.frame"}
        )
        page.evaluate("window.lesionkitScroll = { times: [] }")
        page.evaluate(SCROLLING, seconds * 1000)
        page.wait_for_function("window.lesionkitScroll.done", timeout=120_000)
        complete: list[dict] = []
        tracing.on("Tracing.tracingComplete", lambda told: complete.append(told))
        tracing.send("Tracing.end")
        while not complete:
            page.wait_for_timeout(200)
        times = page.evaluate("window.lesionkitScroll.times")
        gaps = np.diff(times)
        drawn = sum(event["name"] == "DrawFrame" for event in events)
        told = page.inner_text("#renderer"), page.get_attribute("#renderer", "title") or "Canvas 2D"
        print(
            f"{len(times)} slices in {seconds:g} s: {len(times) / seconds:.1f} a second, the longest gap "
            f"{gaps.max():.0f} ms, 95 % below {np.quantile(gaps, 0.95):.0f} ms; {drawn} frames in the trace"
        )
        print(f"renderer: {told[0]}; {told[1]}")


SCROLLING = """(until) => {
  const kept = window.lesionkitScroll, holder = document.getElementById('pixels'), begun = performance.now();
  let key = 'ArrowUp', last = -1;
  const next = () => {
    if (performance.now() - begun > until) { kept.done = true; return; }
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  };
  new MutationObserver(() => {
    const slice = Number(holder.dataset.painted.split(' ')[0]);
    if (slice === last) return;
    last = slice;
    if (slice >= 290) key = 'ArrowDown';
    if (slice <= 10) key = 'ArrowUp';
    requestAnimationFrame((time) => { kept.times.push(time); next(); });
  }).observe(holder, { attributes: true });
  next();
}"""


def kills(work: Path, decisions: int = 100, times: int = 10) -> None:
    """Each decision that the page was told is kept must be there at the end; the server is killed at random moments."""
    run = make_run(work, "mha")
    shutil.rmtree(run / "review", ignore_errors=True)
    rng, acknowledged, killed = random.Random(1), [], 0
    with browsed(False) as page:
        while len(acknowledged) < decisions:
            with served(run) as (address, process):
                page.goto(address)
                page.wait_for_selector("#findings button")
                for _ in range(min(decisions - len(acknowledged), 9 if killed < times else decisions)):
                    acknowledged.append(page.evaluate(DECIDE, rng.choice(["accept", "reject"])))
                if killed < times and len(acknowledged) < decisions:
                    # One more is on its way when the process is killed; it is kept or not, but nothing else may go.
                    page.evaluate(f"() => {{ ({DECIDE})('accept').catch(() => {{}}); }}")
                    time.sleep(rng.random() * 0.02)
                    process.send_signal(signal.SIGKILL)
                    killed += 1
    recipe = load_recipe("ct-nodule")
    session, _ = recipe.reviewed.open(read_run(run), ReviewRequest("bench"), recipe.settings())
    rows = {row.number: row.decision for row in session.store.rows()}
    lost = [one for one in acknowledged if rows.get(one["seen"]) is None or rows[one["seen"]].action != one["action"]]
    print(json.dumps({"acknowledged": len(acknowledged), "kills": killed, "rows": len(rows), "lost": len(lost)}))


DECIDE = """async (action) => {
  const sheet = await (await fetch('api/case/0')).json();
  const one = sheet.findings[Math.floor(Math.random() * sheet.findings.length)];
  const asked = { seen: sheet.seen, case: 0, action, finding_id: one.id };
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch('api/decide', { method: 'POST', headers, body: JSON.stringify(asked) });
  if (!answer.ok) throw new Error(await answer.text());
  return { seen: (await answer.json()).seen, action };
}"""


def retrain(work: Path) -> None:
    """Search six small synthetic chests, correct what was found as a reader would, export, and train a few steps.

    The reader redraws what lies on a nodule, rejects the rest above the line, marks what was missed, and finishes each
    scan. He errs on purpose and rejects the first true nodule of each, so that his truth differs from that of the data.
    """
    from lesionkit.core.lesion import Lesion
    from lesionkit.engine.map import EngineSettings
    from lesionkit.nets.model_file import read_card
    from lesionkit.phantoms.ct.chest import CtPhantomSettings
    from lesionkit.read.truth.luna import read_annotations
    from lesionkit.recipes.ct.phantom import PhantomCt, make_phantoms
    from lesionkit.review.decision import Decision
    from lesionkit.runs.models import model_of_run

    data, run, truth = work / "chests", work / "found", work / "corrected"
    for folder in (run / "review", truth, work / "trained"):
        shutil.rmtree(folder, ignore_errors=True)
    phantom = CtPhantomSettings(size="small", nodule_count=(2, 2), healthy_share=0.2)
    make_phantoms(data, 6, 1, PhantomCt(phantom=phantom, patients=6, engine=EngineSettings(backend="here")))
    if not (run / "report.html").is_file():
        # Scans that are too small for the model are left out, and the others go on.
        _lesionkit("find", data, "--out", run)
    true: dict[str, list[Lesion]] = {}
    for row in read_annotations(data / "annotations.csv").to_dict("records"):
        place = (row["coordX"], row["coordY"], row["coordZ"])
        true.setdefault(str(row["seriesuid"]), []).append(Lesion(place, row["diameter_mm"]))
    recipe, opened = load_recipe("ct-nodule"), read_run(run)
    settings = recipe.settings.parse(opened.record["settings"])
    session, _ = recipe.reviewed.open(opened, ReviewRequest("reader"), settings)
    expected: dict[str, int] = {}
    for sheet in session.sheets:
        lesions = true.get(sheet.case_id, [])
        expected[sheet.case_id] = max(len(lesions) - 1, 0)
        for n, lesion in enumerate(lesions):
            hits = [f for f in sheet.findings if np.linalg.norm(np.subtract(f.centre_mm, lesion.centre_mm)) < 3]
            about = {"case_id": sheet.case_id, "centre_mm": lesion.centre_mm, "diameter_mm": lesion.diameter_mm}
            if n == 0:
                for hit in hits:
                    session.store.add("reader", Decision(**about, action="reject", finding_id=hit.finding_id))
            elif hits:
                session.store.add("reader", Decision(**about, action="resize", finding_id=hits[0].finding_id))
            else:
                session.store.add("reader", Decision(**about, action="add", finding_id=f"added-{n}"))
        for one in sheet.findings:
            near = any(np.linalg.norm(np.subtract(one.centre_mm, x.centre_mm)) < 3 for x in lesions)
            if not near and (one.score or 0) >= (session.line.shown_from or 0):
                told = {"case_id": sheet.case_id, "centre_mm": one.centre_mm, "score": one.score}
                session.store.add("reader", Decision(**told, action="reject", finding_id=one.finding_id))
        session.store.add("reader", Decision(case_id=sheet.case_id, action="done"))
    _lesionkit("review", "export", run, "--out", truth)
    steps = ("learn.steps=4", "learn.batch=2", "split.shares=[0.67,0.33,0]", "net.channels=[16,16,16,16]")
    chosen = [word for step in steps for word in ("--set", step)]
    _lesionkit("train", "ct-nodule", truth, "--out", work / "trained", *chosen)
    card = read_card(model_of_run(work / "trained"))
    parts = json.loads((work / "trained" / "splits.json").read_text())
    learned = [name for name, part in _cases_of(parts) if part == "train"]
    print(
        f"learned from {', '.join(learned)}: the data hold {sum(len(true.get(name, ())) for name in learned)} lesions, "
        f"the reader {sum(expected[name] for name in learned)}, and the card of the new model says "
        f"{card['training_lesions']}"
    )


def _cases_of(parts: dict) -> list[tuple[str, str]]:
    return [(name, part) for part, names in parts.items() if isinstance(names, list) for name in names]


def _lesionkit(*words: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", "lesionkit", *map(str, words)], check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(done.returncode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("first", "scroll", "kills", "retrain"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--gl", action="store_true", help="with WebGL2 by SwiftShader, so that NiiVue draws")
    asked = parser.parse_args()
    if asked.what == "scroll":
        scroll(asked.work, asked.gl)
    else:
        {"first": first, "kills": kills, "retrain": retrain}[asked.what](asked.work)


if __name__ == "__main__":
    main()
