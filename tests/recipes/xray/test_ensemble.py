from pathlib import Path

import numpy as np
import pytest

from lesionkit.infer.decide import RULES
from lesionkit.infer.stack import Stack
from lesionkit.recipes.xray.ensemble import Ensemble, EnsembleNet, image_score, judged, load_ensemble, write_ensemble


def test_the_heads_of_a_member_are_averaged_and_members_count_by_their_weights():
    # Member a: 0.2 and 0.6 in the ratio 1 : 3 are 0.5; with b = 0.9 of weight 4 the mean is 0.7.
    assert judged({"a": [(0.2, 1.0), (0.6, 3.0)], "b": [(0.9, 4.0)]}) == pytest.approx(0.7)
    assert judged({}) is None
    assert judged({"a": []}) is None


def test_a_stack_asks_its_members_in_its_own_order():
    # One model: the logit is 4 times the second probability less 2; the first has no say.
    stack = Stack(np.array([[0.0, 4.0, 0.0, 0.0, 0.0, -2.0]]), np.zeros(0))
    heads = {"b": [(0.5, 1.0)], "a": [(0.9, 1.0)]}
    sure, unsure = judged(heads, stack, ("b", "a")), judged(heads, stack, ("a", "b"))
    assert sure > unsure == pytest.approx(0.5)


def test_images_are_ranked_by_the_head_else_by_their_strongest_thousandth():
    probability = np.zeros((100, 100), np.float32)
    probability[0, :10] = np.linspace(0.5, 0.95, 10)
    assert image_score(probability, 0.3) == 0.3
    assert image_score(probability, None) == pytest.approx(0.5)
    assert image_score(probability[:, 10:], None) == 0.0


def test_an_ensemble_is_the_same_after_it_was_written(tmp_path):
    nets = tuple(
        EnsembleNet(f"{fold} a", tmp_path / f"models/{fold}.safetensors", "a", fold, 0.5, 64, judges=fold == "fold-0")
        for fold in ("fold-0", "fold-1")
    )
    written = Ensemble(nets, RULES["4th"], lung=tmp_path / "models/lung.safetensors")
    path = write_ensemble(tmp_path / "ensemble.json", written, {"recipe": "x", "settings": {}})
    read = load_ensemble(path)
    assert (read.nets, read.rule, read.lung, read.stack) == (nets, written.rule, written.lung, None)
    assert load_ensemble(path, "fold-1").nets == nets[1:]
    assert str(tmp_path) not in Path(path).read_text()


def test_a_network_of_a_fold_that_was_not_chosen_searches_only_what_its_fold_held_out(tmp_path):
    nets = tuple(
        EnsembleNet(f"{fold} a", tmp_path / f"models/{fold}.safetensors", "a", fold, is_chosen=fold == "fold-0")
        for fold in ("fold-0", "fold-1")
    )
    path = write_ensemble(tmp_path / "ensemble.json", Ensemble(nets, RULES["3rd"]), {"recipe": "x", "settings": {}})
    assert load_ensemble(path).nets == nets[:1]
    assert load_ensemble(path, "fold-1").nets == nets[1:]
