"""What a verb must not load: an import is time and memory that everybody pays, in each process anew."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

SOURCE = Path(__file__).parents[1] / "src" / "lesionkit"

TRAINING = ("lightning", "torchmetrics", "torchvision", "torch._dynamo", "monai", "timm", "segmentation_models_pytorch")
"""What only a training needs, and networks that are made of these libraries."""

RUN = """
import contextlib, io, json, sys
from lesionkit.cli.main import app

looked_at, loaded = json.loads(sys.argv[1]), {}
for words in json.loads(sys.argv[2]):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        code = app(words, standalone_mode=False)
    loaded[" ".join(words[:2])] = [code, said.getvalue(), [name for name in looked_at if name in sys.modules]]
print(json.dumps(loaded))
"""


def loaded_by(*verbs: list[str]) -> dict[str, list]:
    """Exit code, words and what is loaded of torch and `TRAINING` after each verb of a fresh process, in order."""
    arguments = [json.dumps(["torch", *TRAINING]), json.dumps(verbs)]
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Path:
    """Twelve slices of two lungs in a body."""
    hu = np.full((12, 40, 40), -1000, np.int16)
    hu[:, 4:36, 3:37] = 40
    hu[:, 8:32, 6:18] = hu[:, 8:32, 22:34] = -850
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((5.5, 5.5, 5.0))
    path = tmp_path_factory.mktemp("scan") / "a.mha"
    sitk.WriteImage(image, path)
    return path


def test_what_reads_tables_settings_and_refusals_loads_no_torch(tmp_path):
    (tmp_path / "images").mkdir()
    marks = tmp_path / "marks.csv"
    marks.write_text("ImageId,EncodedPixels\na,-1\nb,0 5\n")
    told = loaded_by(
        ["recipes"],
        ["models"],
        ["models", "ct-nodule"],
        ["recipes", "show", "xray-pneumothorax-1st"],
        ["recipes", "show", "slide-metastasis"],
        ["evaluate", "siim", "--truth", str(marks), "--marks", str(marks), "--out", str(tmp_path / "score")],
        ["find", str(tmp_path / "nothing")],
        ["index", str(tmp_path / "images"), "--out", str(tmp_path / "c.parquet")],
        ["info", str(marks.parent)],
        ["status", str(tmp_path)],
    )
    for verb, (_, said, loaded) in told.items():
        assert loaded == [], (verb, said)
    assert "nothing" in told[f"find {tmp_path / 'nothing'}"][1]


def test_a_search_loads_torch_and_nothing_that_only_trains(scan, tmp_path):
    ((code, said, loaded),) = loaded_by(
        ["find", str(scan), "--set", "infer.foreign=allow", "--out", str(tmp_path / "run")]
    ).values()
    assert (code or 0, loaded) == (0, ["torch"]), said
    assert (tmp_path / "run" / "report.html").is_file()


def test_the_networks_that_are_shipped_are_built_without_the_libraries_of_others():
    code = """
import sys
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.segmenter import Segmenter
from lesionkit.recipes.xray.settings import SMALL_NET
import lesionkit.infer.dense, lesionkit.infer.segment
Segmenter(SMALL_NET), PatchNet()
print(*[name for name in sys.argv[1:] if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code, *TRAINING], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_file_of_settings_loads_torch_so_that_a_config_is_read_at_once():
    files = [*SOURCE.rglob("*_settings.py"), *SOURCE.rglob("settings.py")]
    names = sorted(".".join(file.relative_to(SOURCE.parent).with_suffix("").parts) for file in files)
    assert len(names) > 15
    code = f"import sys, {', '.join(names)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
