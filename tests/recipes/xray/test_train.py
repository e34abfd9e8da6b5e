import json

from lesionkit.recipes.xray.ensemble import load_ensemble
from lesionkit.recipes.xray.train import _starts


def test_fine_tuning_begins_with_the_first_network_of_each_member(xray_run):
    ensemble = load_ensemble(xray_run / "ensemble.json")
    assert len(ensemble.nets) == 2
    assert _starts(xray_run / "ensemble.json") == {"small": ensemble.nets[0].path}


def test_the_ensemble_says_what_validation_said(xray_run):
    card = json.loads((xray_run / "ensemble.json").read_text())
    assert {"validation dice", "validation images"} <= card["validation"].keys()
    assert card["projections_only"] is True
