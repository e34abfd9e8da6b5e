import numpy as np

from lesionkit.runs.trainings import trainings_of


def write(folder, *lines, name="metrics.csv"):
    (folder / "metrics").mkdir(parents=True, exist_ok=True)
    (folder / "metrics" / name).write_text("\n".join(lines) + "\n")


def test_trainings_are_named_by_where_they_lie(tmp_path):
    for place in (".", "parts/judge 1", "trainings/fold-1/parts/mask", "round-1", "trials/000", "checkpoints/x"):
        write(tmp_path / place, "loss,step", "1,0")
    assert [one.name for one in trainings_of(tmp_path)] == ["", "judge 1", "round-1", "fold-1 mask"]


def test_figures_have_the_steps_at_which_they_were_told(tmp_path):
    write(tmp_path, "epoch,loss,step,watched/dice", "0,0.9,9,", "0,,10,0.25", "0,0.7,19,")
    (one,) = trainings_of(tmp_path)
    assert set(one.figures) == {"loss", "watched/dice"}
    np.testing.assert_array_equal(one.figures["loss"], ([9, 19], [0.9, 0.7]))
    np.testing.assert_array_equal(one.figures["watched/dice"], ([10], [0.25]))


def test_what_several_sittings_told_is_one_curve_and_the_later_one_wins(tmp_path):
    write(tmp_path, "loss,step", "0.9,9", "0.8,19", name="metrics-1.csv")
    write(tmp_path, "loss,step", "0.7,19", name="metrics-2.csv")
    write(tmp_path, "loss,step", "0.5,29")
    np.testing.assert_array_equal(trainings_of(tmp_path)[0].figures["loss"], ([9, 19, 29], [0.9, 0.7, 0.5]))


def test_a_table_that_is_being_written_or_holds_no_numbers_is_read_as_far_as_it_goes(tmp_path):
    write(tmp_path, "loss,step", "0.9,9", "nan,19", "0.8", "what,29", "0.6,3")
    np.testing.assert_array_equal(trainings_of(tmp_path)[0].figures["loss"], ([3, 9], [0.6, 0.9]))


def test_the_last_pictures_belong_to_their_training(tmp_path):
    write(tmp_path / "parts/mask", "loss,step", "1,0")
    (tmp_path / "parts/mask/watched").mkdir()
    (tmp_path / "parts/mask/watched/patch 1.png").write_bytes(b"")
    assert [picture.name for picture in trainings_of(tmp_path)[0].pictures] == ["patch 1.png"]


def test_a_folder_without_trainings_has_none(tmp_path):
    assert trainings_of(tmp_path) == []
