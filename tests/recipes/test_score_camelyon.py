import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.points import OperatingPoints, StoredPoint
from lesionkit.recipes.score_camelyon import Camelyon16Files, camelyon16_scorer

GIVEN = {"bootstrap": 20}


@pytest.fixture
def slides(tmp_path):
    """One slide with a square tumour of 1 mm, hit once, and a healthy one; scores of both above a model's 0.5."""
    square = [[4000, 4000], [8000, 4000], [8000, 8000], [4000, 8000]]
    points = OperatingPoints((StoredPoint("sensitivity 95 %", 0.5),), "sensitivity 95 %", {})
    for folder in ("outlines", "marks"):
        (tmp_path / folder).mkdir()
    for name, text in {
        "outlines/tumor_001.json": json.dumps({"positive": [{"name": "a", "vertices": square}], "negative": []}),
        "marks/tumor_001.csv": "0.9,6000,6000\n0.4,100,100\n",
        "marks/normal_001.csv": "0.2,100,100\n",
        "labels.csv": "slide,label\ntumor_001,1\nnormal_001,0\n",
        "scores.csv": "slide,score\ntumor_001,0.9\nnormal_001,0.6\n",
    }.items():
        (tmp_path / name).write_text(text)
    header = {"format": "lesionkit-1", "net": "{}", "card": json.dumps({"operating_points": points.to_card()})}
    save_file({"w": np.zeros(1, np.float16)}, tmp_path / "m.safetensors", metadata=header)
    return tmp_path


def test_the_points_of_a_model_are_applied_to_the_slides_beside_the_lesions(slides):
    files = (slides / "outlines", slides / "labels.csv", slides / "scores.csv", slides / "m.safetensors")
    score = camelyon16_scorer(Camelyon16Files(*files), "exact", GIVEN)(slides / "marks")
    assert score.figures["cpm"].value == 1.0
    became = [score.figures[f"{name} at the threshold for sensitivity 95 %"] for name in ("sensitivity", "specificity")]
    assert [one.value for one in became] == [1.0, 0.0]
    assert became[0].note.startswith("1 of 1 positive slides at threshold 0.5")
    assert score.facts["inputs"]["model"]["files"] == 1


def test_points_of_a_model_need_scores_of_slides(slides):
    with pytest.raises(LesionkitError, match=r"none are given; give --slide-scores, as scores\.csv of a run"):
        Camelyon16Files(slides / "outlines", model=slides / "m.safetensors")
