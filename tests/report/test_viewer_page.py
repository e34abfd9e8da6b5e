import base64
import gzip
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.points import Decision
from lesionkit.report.scene import Scene
from lesionkit.report.viewer_page import boxed, hu_of_codes, write_viewer

BALL = ((30.0, 5.0, 10.0), 14.0)
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def case(chest):
    far = Candidate((-30.0, 0.0, 0.0), 0.2)
    return chest(BALL, candidates=(Candidate(BALL[0], 0.9, BALL[1]), far), truth=(Lesion(*BALL),), case_id="a<b")


def told_of(page) -> dict:
    return json.loads(re.search(r'id="told">(.*?)</script>', page.read_text()).group(1))


def codes_of(page, shape) -> np.ndarray:
    packed = re.search(r'id="packed">(.*?)</script>', page.read_text(), re.DOTALL).group(1)
    differences = np.frombuffer(gzip.decompress(base64.b64decode(packed)), np.uint8).reshape(shape)
    return np.cumsum(differences, axis=2, dtype=np.uint8)


def test_the_volume_in_the_page_is_that_of_the_scan(case, tmp_path):
    page = write_viewer(tmp_path / "a.html", case, Decision(0.5, "threshold 0.5"))
    told = told_of(page)
    hu = hu_of_codes()[codes_of(page, told["shape"])]
    z, y, x = (round(value) for value in told["findings"][0]["index"])
    assert hu[z, y, x] == pytest.approx(100, abs=4)  # the ball
    assert hu[z, y, x - 15] == pytest.approx(-850, abs=8)  # lung beside it


def test_findings_above_the_line_come_first_and_tell_what_they_are(case, tmp_path):
    told = told_of(write_viewer(tmp_path / "a.html", case, Decision(0.5, "threshold 0.5")))
    assert told["above"] == 1
    assert [one["verdict"] for one in told["findings"]] == ["hit", "false positive"]
    assert told["start"] == told["findings"][0]["index"]


def test_index_and_world_of_the_page_are_those_of_the_scan(case, tmp_path):
    told = told_of(write_viewer(tmp_path / "a.html", case, Decision(), most_voxels=20_000))
    matrix = np.array(told["affine"])
    world = matrix[:, :3] @ told["findings"][0]["index"] + matrix[:, 3]
    assert np.allclose(world, BALL[0], atol=0.1)


def test_a_large_box_becomes_coarser_and_keeps_its_place(chest):
    scene = Scene.of(chest(BALL).image, chest().lung)
    fine, coarse = boxed(scene), boxed(scene, most_voxels=20_000)
    assert coarse.codes.size <= 20_000 < fine.codes.size
    assert np.allclose(coarse.grid.size_mm, fine.grid.size_mm)
    place = np.rint(coarse.grid.world_to_index(BALL[0])).astype(int)
    assert hu_of_codes()[coarse.codes[tuple(place)]] > -50


def test_names_are_text_and_nothing_comes_from_outside(case, tmp_path):
    html = write_viewer(tmp_path / "a.html", case, Decision()).read_text()
    assert "<h1>a&lt;b</h1>" in html
    assert not re.search(r"""(src|href)=["'](?!#|data:)|https?://(?!www\.w3\.org)|@import|fetch\(|XMLHttp""", html)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (Debian: apt-get install chromium)")
def test_the_page_unpacks_the_scan_in_a_browser(case, tmp_path):
    page = write_viewer(tmp_path / "a.html", case, Decision(0.5, "threshold 0.5"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=4000", "--dump-dom"]
    done = subprocess.run([str(BROWSER), *flags, page.as_uri()], capture_output=True, text=True, timeout=60)
    assert 'data-ready="yes"' in done.stdout
    assert re.search(r"\(30, 5, 10\) mm, LPS · about \d+ HU", done.stdout)
