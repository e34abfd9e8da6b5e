from datetime import date

import numpy as np
import pytest
from starlette.testclient import TestClient

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.review.finding import Finding
from lesionkit.review.server.app import make_app
from lesionkit.review.session import Line, Picture, Point, Session, Sheet, Shift, Volume
from lesionkit.review.store import DecisionStore

TOKEN, PORT = "secret", 8123
HOST = f"127.0.0.1:{PORT}"
POSTED = {"origin": f"http://{HOST}"}
SCAN = Grid.upright((6, 20, 24), (2.0, 1.0, 1.0), (100.0, 50.0, -30.0))
SLIDE = Grid.upright((700, 900), (0.001, 0.001), (0.0005, 0.0005))


def scan() -> Volume:
    samples = np.arange(np.prod(SCAN.shape), dtype=np.int16).reshape(SCAN.shape) - 1000
    return Volume(SCAN, samples, {"lung": (-600.0, 1500.0), "bone": (500.0, 2000.0)})


def slide() -> Picture:
    """White, with a red square in the corner; its half is averaged."""
    pixels = np.full((*SLIDE.shape, 3), 255, np.uint8)
    pixels[:256, :256] = (200, 0, 0)

    def at(halvings: int) -> ArrayImage:
        step = 1 << halvings
        small = pixels[::step, ::step]
        return ArrayImage(Grid.upright(small.shape[:2], (0.001 * step, 0.001 * step)), small)

    return Picture(SLIDE, at)


def balls(*places):
    return [Finding(f"f{n}", place, 6.0, (), 0.9 - 0.3 * n) for n, place in enumerate(places)]


@pytest.fixture
def session(tmp_path):
    """Two scans of a patient, 90 days apart, a slide, and one that was moved."""
    square = ((0.0, 0.0), (0.256, 0.0), (0.256, 0.256), (0.0, 0.256))
    sheets = [
        Sheet("one", "p", tmp_path, SCAN, balls((105, 55, -26), (112, 60, -22)), scan, day=date(2025, 1, 1)),
        Sheet("two", "p", tmp_path, SCAN, balls((106, 55, -26)), scan, day=date(2025, 4, 1)),
        Sheet("slide", "q", tmp_path, SLIDE, [Finding("r", (0.1, 0.1), None, (square,), 0.8)], slide, score=0.7),
        Sheet("gone", "r", tmp_path, SCAN, [], scan, missing="gone.mha: the scan is not there anymore"),
    ]
    store = DecisionStore(tmp_path / "d.sqlite", "run")
    line = Line((Point("1 false positive a scan", 0.5, ("sensitivity 0.8",)),), 0.5, "1 false positive a scan")
    shift = Shift((1.0, 0.0, 0.0), "moved by hand")
    yield Session(
        "a run", "scan", "nodule", "ann", sheets, store, line, shift=lambda first, second: shift, agreement=_figures
    )
    store.close()


def _figures(readers, places):
    return {"places": len(places)}


@pytest.fixture
def client(session):
    """Asks the page of `session` as the page itself would."""
    with TestClient(make_app(session, TOKEN, PORT), base_url=f"http://{HOST}/{TOKEN}/") as made:
        yield made


@pytest.fixture
def decide(client):
    """Keep a decision; the answer as JSON holds it."""

    def decide(action, finding="", case=0, seen=None, **more):
        last = client.get(f"api/case/{case}").json()["seen"] if seen is None else seen
        asked = {"seen": last, "case": case, "action": action, "finding_id": finding, **more}
        return client.post("api/decide", json=asked, headers=POSTED)

    return decide
