import json
import resource
import subprocess
import sys

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.dicom import write_series
from lesionkit.write.volume import write_volume

HU = np.random.default_rng(0).integers(-1000, -960, (12, 24, 20)).astype(np.int16)
CASE = Case("1.2.3", "Anna", ArrayImage(Grid.upright(HU.shape, (2.5, 0.8, 0.7)), HU))


def test_people_get_a_table(lesionkit, tmp_path):
    write_series(CASE, tmp_path / "scan")
    result = lesionkit("info", "scan")
    assert result.exit_code == 0
    for words in ("1.2.3", "Anna", "12 × 24 × 20", "2.5 × 0.8 × 0.7 mm", "LPS", "ct-nodule"):
        assert words in result.output


def test_programs_get_json(lesionkit, tmp_path):
    write_series(CASE, tmp_path / "scan")
    told = json.loads(lesionkit("info", "scan", "--json").stdout)
    (case,) = told["cases"]
    assert (case["kind"], case["size"], case["patient_id"]) == ("ct", [12, 24, 20], "Anna")
    assert case["failure"] is None


def test_some_that_cannot_be_used_end_with_three_and_all_with_two(lesionkit, tmp_path):
    write_volume(CASE.image, tmp_path / "in/good.mha")
    (tmp_path / "in/bad.mha").write_text("hello")
    result = lesionkit("info", "in")
    assert result.exit_code == 3
    assert "cannot be used" in result.stdout
    assert "failed: in/bad.mha" in result.stderr
    assert lesionkit("info", "in/bad.mha").exit_code == 2


def test_nothing_heavy_is_loaded_and_no_run_is_made(tmp_path):
    write_series(CASE, tmp_path / "scan")
    code = """
import sys
from lesionkit.cli.main import app
app(["info", "scan"], standalone_mode=False)
heavy = {"torch", "lightning", "monai", "matplotlib"} & set(sys.modules)
sys.exit(", ".join(heavy))
"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not result.stderr.strip(), result.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2
    assert [path.name for path in tmp_path.iterdir()] == ["scan"]
