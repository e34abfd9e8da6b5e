import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.average_settings import AVERAGES
from lesionkit.learn.schedule_settings import SCHEDULES, TrainingPart
from lesionkit.learn.segmentation_settings import LEARNERS, SegmentationLearnSettings
from lesionkit.learn.teacher_settings import TeacherSettings

PART = TrainingPart(epochs=3, rate=1e-3)


def test_every_winner_has_a_training_of_its_own_parts_and_loss():
    assert list(LEARNERS) == ["1st", "2nd classifier", "2nd", "3rd", "4th", "5th"]
    assert all(LEARNERS[name].parts == SCHEDULES[name] for name in LEARNERS)
    losses = {name: learner.loss for name, learner in LEARNERS.items()}
    assert (losses["1st"].bce, losses["1st"].dice, losses["1st"].focal) == (3, 1, 4)
    assert losses["3rd"].lovasz == 1
    assert losses["5th"].bce == 1024


def test_pictures_per_step_are_those_published():
    steps = {name: learner.batch * learner.accumulate for name, learner in LEARNERS.items()}
    assert steps == {"1st": 2, "2nd classifier": 8, "2nd": 4, "3rd": 9, "4th": 8, "5th": 16}


def test_gradients_are_clipped_as_published():
    clips = {name: learner.clip_norm for name, learner in LEARNERS.items()}
    assert clips == {"1st": 0.1, "2nd classifier": None, "2nd": None, "3rd": 1, "4th": 0.5, "5th": 10}


def test_weight_decay_and_seeds_are_those_published():
    assert {name: learner.weight_decay for name, learner in LEARNERS.items() if learner.weight_decay} == {
        "1st": 5e-6,
        "4th": 1e-5,
        "5th": 1e-4,
    }
    assert (LEARNERS["1st"].seed, LEARNERS["3rd"].seed, LEARNERS["4th"].seed) == (42, 15, 666)


def test_the_second_averages_ends_of_its_cycles_the_third_trails_and_the_fifth_teaches():
    assert LEARNERS["2nd"].swa_epochs == (34, 39, 43)
    assert LEARNERS["2nd classifier"].swa_epochs == (24, 29, 30, 31, 32, 33)
    assert LEARNERS["3rd"].average == AVERAGES["3rd"]
    assert LEARNERS["5th"].teacher.average == AVERAGES["5th"]
    assert LEARNERS["5th"].teacher.batch == 4


def test_a_teacher_and_another_average_exclude_each_other():
    with pytest.raises(LesionkitError, match="a teacher is a moving average already"):
        SegmentationLearnSettings(teacher=TeacherSettings(), average=AVERAGES["3rd"])


def test_an_epoch_to_average_must_be_one_of_the_training():
    with pytest.raises(LesionkitError, match=r"lie in 0\.\.2, .* got 3"):
        SegmentationLearnSettings(parts=(PART,), swa_epochs=(1, 3))


def test_settings_survive_a_file():
    for learner in LEARNERS.values():
        assert SegmentationLearnSettings.model_validate_json(learner.model_dump_json()) == learner
