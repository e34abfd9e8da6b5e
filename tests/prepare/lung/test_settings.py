import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.prepare.lung.settings import PRESETS, LungSettings


def test_a_preset_is_a_starting_value_and_each_step_can_be_changed():
    settings = LungSettings(preset="volume-axis", threshold_hu=-500)
    assert (settings.threshold_hu, settings.gaussian_sigma, settings.max_volume_l) == (-500.0, 1.0, 8.2)


def test_none_means_the_preset_s_value():
    assert LungSettings.parse({"preset": "threshold", "threshold_hu": None}).threshold_hu == -550.0


def test_the_published_numbers_are_in_the_presets():
    axis = LungSettings(preset="volume-axis")
    assert (axis.gaussian_truncate, axis.threshold_hu, axis.min_area_mm2, axis.max_eccentricity) == (2, -600, 30, 0.99)
    assert (axis.min_volume_l, axis.max_volume_l) == (0.68, 8.2)
    assert (axis.axis_area_mm2, axis.axis_distance_mm) == (6000, 62)
    assert (axis.relaxed_axis_area_mm2, axis.relaxed_axis_distance_mm) == (1500, 92)
    assert (axis.cut_step, axis.max_cuts, axis.max_erosions, axis.separation_ratio) == (2, 30, 22, 4.8)
    assert (axis.slice_cover, axis.max_hull_ratio, axis.corner_patch) == (0.95, 2.0, 10)
    first = LungSettings(preset="threshold")
    assert (first.threshold_hu, first.clear_border, first.keep_largest) == (-550, True, 2)
    kmeans = LungSettings(preset="kmeans")
    assert (kmeans.kmeans_centre, kmeans.kmeans_erosion, kmeans.kmeans_dilation) == ((100, 400), 4, 10)
    assert (kmeans.kmeans_max_size, kmeans.kmeans_rows) == (475, (40, 472))


@pytest.mark.parametrize("preset", PRESETS)
def test_settings_written_out_in_full_come_back_the_same(preset):
    settings = LungSettings(preset=preset, closing_mm=4.0)
    assert LungSettings.parse(settings.model_dump()) == settings


def test_a_full_list_of_one_preset_under_the_name_of_another_is_refused():
    values = {**LungSettings().model_dump(), "preset": "threshold"}
    with pytest.raises(LesionkitError, match="preset is 'threshold' but every value below it is that of 'fast'"):
        LungSettings.parse(values)


def test_unknown_presets_and_steps_are_named():
    with pytest.raises(LesionkitError, match="setting 'preset'"):
        LungSettings.parse({"preset": "slow"})
    with pytest.raises(LesionkitError, match="did you mean 'closing_mm'"):
        LungSettings.parse({"closing": 3})
