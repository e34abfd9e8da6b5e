"""The page in a real browser: clicks, keys, drawing, notes with markup, and a server that is killed.

It needs Chromium and the Python package playwright (dependency group "browser"), and skips where they are not there.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import uvicorn
from tests.recipes.reviewed_runs import ct_run, opened, slide_run, xray_run

from lesionkit.review.decision import readings
from lesionkit.review.server.app import make_app
from lesionkit.review.server.serve import bound

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
if CHROMIUM is None:
    pytest.skip("no Chromium is there; apt-get install chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not there; pip install playwright")

pytestmark = pytest.mark.slow
# The driver itself evaluates text in the page, which the policy of the page forbids.
WINDOW = {"width": 1180, "height": 700}


class Served:
    """The page of a run, served from a thread."""

    def __init__(self, run: Path) -> None:
        self.session, _ = opened(run, "ann")
        listening = bound(0)
        port = listening.getsockname()[1]
        app = make_app(self.session, "token", port)
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listening]}, daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{port}/token/"

    def end(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.session.store.close()

    @property
    def verdicts(self) -> dict:
        """Of the first image, as they are on disk."""
        return verdicts_of(self.session)


class Started:
    """`lesionkit view` in a process of its own."""

    def __init__(self, run: Path) -> None:
        words = [sys.executable, "-m", "lesionkit", "view", str(run), "--reader", "ann"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
        self.address = next(m.group(1) for line in self.process.stdout if (m := re.search(r"open (http\S+)", line)))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()


def verdicts_of(session) -> dict:
    found = readings(session.store.rows()).get(("ann", session.sheets[0].case_id))
    return dict(found.verdicts) if found else {}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        made = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def shown(browser):
    """Serve a run and open its page; complains about any error of its scripts."""
    started, errors = [], []

    def show(run):
        served = Served(run)
        page = browser.new_page(viewport=WINDOW, bypass_csp=True)
        started.extend([page.close, served.end])
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(served.address)
        page.wait_for_function("document.body.dataset.first")
        return served, page

    yield show
    for stop in started:
        stop()
    assert errors == []


def kept(page, words):
    page.wait_for_function(f"document.getElementById('said').textContent.includes({words!r})")


def test_a_scan_is_decided_on_by_keys_and_what_was_kept_outlives_a_kill(browser, tmp_path):
    started, page = Started(ct_run(tmp_path)), browser.new_page(viewport=WINDOW, bypass_csp=True)
    page.goto(started.address)
    page.wait_for_function("document.body.dataset.first")
    assert page.inner_text("#renderer").startswith("drawn by the server (")
    page.keyboard.press("a")
    kept(page, "Accepted")
    page.keyboard.press("r")
    kept(page, "All that is shown is decided")
    started.kill()
    page.keyboard.press("u")
    page.wait_for_selector("#alarm:not([hidden])")
    assert "Not kept: lesionkit view does not answer" in page.inner_text("#alarm")
    page.close()
    session, _ = opened(tmp_path / "run")
    assert [one.answer for one in verdicts_of(session).values()] == ["accept", "reject"]
    session.store.close()


def test_niivue_draws_a_volume_with_marks_where_the_servers_slices_have_them(shown, tmp_path):
    served, page = shown(ct_run(tmp_path))
    before = page.evaluate("[...document.querySelectorAll('#marks circle')].map((one) => one.getAttribute('cx'))")
    page.goto(f"{served.address}?renderer=niivue")
    page.wait_for_selector("body[data-volume]", state="attached")
    assert page.inner_text("#renderer") == "drawn by NiiVue"
    after = page.evaluate("[...document.querySelectorAll('#marks circle')].map((one) => one.getAttribute('cx'))")
    assert after == before
    page.keyboard.press("ArrowUp")
    page.wait_for_function("document.getElementById('where').textContent.startsWith('slice 8')")


def test_a_missed_nodule_is_marked_and_a_note_with_markup_is_text(shown, tmp_path):
    served, page = shown(ct_run(tmp_path))
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5
    page.click("#add")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.mouse.up()
    kept(page, "Marked")
    page.fill("#note", "<img src=x onerror=alert(1)>")
    page.click("#note-form button")
    kept(page, "Note kept")
    page.reload()
    page.wait_for_selector("#findings .added")
    page.click("#findings .added button")
    assert page.input_value("#note") == "<img src=x onerror=alert(1)>"
    assert page.locator("img[src=x]").count() == 0
    (one,) = served.verdicts.values()
    assert one.added
    assert one.diameter_mm > 1


def test_a_radiograph_and_a_slide_are_drawn_on(shown, tmp_path):
    for make in (xray_run, slide_run):
        served, page = shown(make(tmp_path / make.__name__))
        box = page.locator("#stage").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.click("#resize")
        page.mouse.move(x, y)
        page.mouse.down()
        for across, down in ((20, 0), (40, 10), (40, 40), (10, 40), (0, 20)):
            page.mouse.move(x + across, y + down)
        page.mouse.up()
        kept(page, "Redrawn")
        page.keyboard.press("f")
        kept(page, "Finished")
        (one,) = served.verdicts.values()
        assert (one.resized, len(one.outline_mm)) == (True, 6)


def test_a_second_page_is_shown_what_the_first_decided(shown, browser, tmp_path):
    served, page = shown(ct_run(tmp_path))
    other = browser.new_page(viewport=WINDOW, bypass_csp=True)
    other.goto(served.address)
    other.wait_for_function("document.body.dataset.first")
    page.keyboard.press("a")
    kept(page, "Accepted")
    other.keyboard.press("r")
    other.wait_for_selector("#alarm:not([hidden])")
    assert "has decided something on another page" in other.inner_text("#alarm")
    assert other.locator("#findings .accept").count() == 1
    assert [one.answer for one in served.verdicts.values()] == ["accept"]
    other.close()
