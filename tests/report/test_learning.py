import numpy as np
from PIL import Image

from lesionkit.report.learning import Learning, learning, learning_beside, smoothed, write_learning_page

STEPS = np.array([10.0, 20.0])


def told(*names):
    return {name: (STEPS, np.array([0.9, 0.4])) for name in names}


def test_what_belongs_together_is_in_one_diagram_with_all_trainings_of_the_run():
    shown = learning(
        {
            "mask": told("loss", "watched/recall", "watched/recall 0.2", "watched/dice", "rate", "loss/dice"),
            "judge 1": told("loss", "speed/steps_per_s"),
        }
    )
    assert [one.title for one in shown.diagrams] == ["loss", "watched: recall", "watched: dice"]
    assert "mask: loss, judge 1: loss" in shown.diagrams[0].plot
    assert "mask: recall, mask: recall 0.2" in shown.diagrams[1].plot


def test_what_batches_told_is_averaged_over_neighbours_and_few_values_stay():
    values = np.tile([0.0, 1.0], 60)
    np.testing.assert_allclose(smoothed(values)[3:-3], np.tile([3 / 7, 4 / 7], 57), atol=1e-9)
    np.testing.assert_array_equal(smoothed(values[:39]), values[:39])


def test_what_was_told_once_is_no_curve():
    assert not learning({"": {"loss": (STEPS[:1], STEPS[:1])}})
    assert not Learning()


def test_more_curves_than_colours_go_to_several_diagrams():
    shown = learning({f"net {number}": told("loss") for number in range(7)})
    assert [one.title for one in shown.diagrams] == ["loss (1)", "loss (2)"]


def test_runs_stand_beside_each_other_in_a_diagram_for_each_figure_of_a_training():
    names = ("loss", "validation/cpm", "watched/dice", "watched/recall 0.2", "watched/regions 0.2", "watched/sum truth")
    shown = learning_beside({"first": {"mask": told(*names)}, "second": {"mask": told(*names)}})
    assert [one.title for one in shown.diagrams] == ["mask · loss", "mask · validation: cpm", "mask · watched: dice"]
    assert all("first, second" in one.plot for one in shown.diagrams)


def test_a_run_has_one_colour_in_all_diagrams_also_where_another_told_nothing():
    shown = learning_beside({"first": {"": told("loss")}, "second": {"": told("loss", "watched/dice")}})
    assert [one.title for one in shown.diagrams] == ["loss", "watched: dice"]
    assert "first: none, second" in shown.diagrams[1].plot
    second = "var(--series-2)"
    assert all(second in one.plot for one in shown.diagrams)


def test_sizes_of_lesions_are_no_thresholds():
    shown = learning_beside({"first": {"": told("watched/sensitivity 10 to 30 mm")}})
    assert [one.title for one in shown.diagrams] == ["watched: sensitivity 10 to 30 mm"]


def test_the_page_of_a_training_is_one_file_with_curves_and_pictures(tmp_path, open_page):
    Image.new("RGB", (8, 4), "red").save(tmp_path / "patch 1 in three slices.png")
    shown = learning({"": told("loss")}, [tmp_path / "patch 1 in three slices.png"])
    page = open_page(write_learning_page(tmp_path, "Training of ct-nodule", shown))
    assert page.html.count('class="plot"') == 1
    assert "patch 1 in three slices" in page.words
    assert "data:image/jpeg;base64," in page.html
