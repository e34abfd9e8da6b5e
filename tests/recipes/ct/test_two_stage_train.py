import numpy as np

from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.recipes.ct.two_stage_settings import CtTwoStage
from lesionkit.recipes.ct.two_stage_train import _with_batch, encode_mask
from lesionkit.runs.run_folder import open_run
from lesionkit.sample.patch import Patch


def test_what_is_drawn_is_learned_and_findings_that_count_neither_way_are_not():
    drawn = np.zeros((16, 16, 16), np.float32)
    drawn[4:8, 4:8, 4:8] = 1
    patch = Patch(np.zeros((16, 16, 16), np.float32), np.zeros((0, 4)), np.array([[12.0, 12, 12, 4]]), drawn)
    arrays = encode_mask(patch)
    assert arrays["drawn"].sum() == 64
    # A ball of 2 + 1 samples has 123 of them on the lattice.
    assert arrays["ignored"].sum() == 123
    assert arrays["ignored"].shape == arrays["drawn"].shape == (1, 16, 16, 16)


def test_a_patch_that_nothing_was_drawn_in_is_empty():
    arrays = encode_mask(Patch(np.zeros((4, 4, 4), np.float32), np.zeros((0, 4)), np.zeros((0, 4))))
    assert (arrays["drawn"].sum(), arrays["ignored"].sum()) == (0, 0)


def test_a_batch_is_chosen_once_and_a_resumed_training_goes_on_with_it(tmp_path):
    asked = []

    def choose(precision, device):
        asked.append((precision, device.type))
        return 4

    learn = MaskLearnSettings(batch="auto", device="cpu", precision="32-true")
    for _ in range(2):
        with open_run(tmp_path / "run", "toy", CtTwoStage(), {}) as run:
            chosen, batch = _with_batch(run, "mask batch", learn, choose)
            assert (chosen.batch, batch) == (4, 4)
    assert asked == [("32-true", "cpu")]
    assert "mask batch auto: 4 per step" in (tmp_path / "run/log.txt").read_text()


def test_a_batch_that_is_given_is_taken_as_it_is(tmp_path):
    learn = LearnSettings(batch=3)
    assert _with_batch(None, "judge 1 batch", learn, None) == (learn, 3)
