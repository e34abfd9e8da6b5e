import json

import numpy as np
import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.score import read_score
from lesionkit.write.score import write_score

DOCUMENT = {"protocol": "luna16 exact", "figures": {"cpm": {"value": 0.1 + 0.2}}, "warnings": ["σ is unknown"]}
CURVE = pd.DataFrame({"curve": "FROC", "x": [0.0, 1 / 3], "threshold": [np.inf, 0.1 + 0.2]})


def test_a_score_reads_back_exactly(tmp_path):
    path = write_score(tmp_path / "SCORE", DOCUMENT, {"curve": CURVE})
    assert path == tmp_path / "SCORE" / "score.json"
    for given in (path, path.parent):
        document, tables = read_score(given)
        assert document == DOCUMENT
        pd.testing.assert_frame_equal(tables["curve"], CURVE, check_dtype=False, check_exact=True)


def test_what_strict_json_cannot_hold_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_score(tmp_path, {"protocol": "p", "value": float("nan")}, {})
    assert not (tmp_path / "score.json").exists()


def test_a_folder_without_score_and_a_damaged_one_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match=r"holds no score \(no score.json\); pass a folder that"):
        read_score(tmp_path)
    (tmp_path / "score.json").write_text('{"protocol": ')
    with pytest.raises(LesionkitError, match=r"score.json is damaged"):
        read_score(tmp_path)
    (tmp_path / "score.json").write_text(json.dumps({"other": 1}))
    with pytest.raises(LesionkitError, match="it has no entry 'protocol'"):
        read_score(tmp_path)
