"""The page in a real browser: it opens, shows its pictures and fits a phone."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image as Pillow

from lesionkit.core.lesion import Candidate
from lesionkit.report.page import write_find_report

BALL = ((30.0, 5.0, 10.0), 14.0)
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
)


def screenshot(page, folder, width: int, height: int) -> np.ndarray:
    picture = folder / "page.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--hide-scrollbars", f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}"]
    subprocess.run(
        [str(BROWSER), *flags, f"--screenshot={picture}", page.as_uri()], check=True, timeout=60, capture_output=True
    )
    with Pillow.open(picture) as shown:
        return np.asarray(shown.convert("RGB"), dtype=int)


@pytest.fixture
def page(tmp_path, chest):
    return write_find_report(tmp_path, [chest(BALL, candidates=(Candidate(BALL[0], 0.9, BALL[1]),))], {})


def test_marks_and_pictures_are_shown(page, tmp_path):
    shown = screenshot(page, tmp_path, 1200, 3000)
    yellow = np.abs(shown - (255, 207, 51)).max(axis=-1) < 12
    black = (shown < 8).all(axis=-1)
    white = (shown > 247).all(axis=-1)
    assert yellow.sum() > 200
    assert black.mean() > 0.05  # the panel of the overview
    assert white.any()  # the ball in the lung window


def test_nothing_sticks_out_on_a_phone(page, tmp_path):
    shown = screenshot(page, tmp_path, 500, 3000)
    margins = np.concatenate([shown[:, :10], shown[:, -10:]], axis=1)
    assert np.abs(margins - shown[2, 2]).max() <= 2  # nothing but paper
