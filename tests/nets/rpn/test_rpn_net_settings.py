import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.rpn.rpn_net_settings import PRESETS, RpnNetSettings
from lesionkit.runs.settings_file import change


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_preset_writes_is_read_again(preset):
    settings = RpnNetSettings(preset=preset)
    assert RpnNetSettings.parse(settings.model_dump()) == settings


def test_a_value_beside_a_preset_wins():
    settings = RpnNetSettings(preset="paper", hidden=8)
    assert (settings.hidden, settings.stem, settings.channels) == (8, "pre-block", (32, 64, 64, 64))
    assert change(settings, {"preset": "tiny"}) == RpnNetSettings()


@pytest.mark.parametrize("anchors", [[], [30, 10], [10, 10], [0, 10]])
def test_anchors_ascend(anchors):
    with pytest.raises(LesionkitError, match=r"anchors_mm must be ascending sides above 0, such as \[10, 30, 60\]"):
        RpnNetSettings.parse({"anchors_mm": anchors})


def test_every_stage_has_a_block():
    with pytest.raises(LesionkitError, match="every stage needs a block at least, got blocks"):
        RpnNetSettings.parse({"blocks": [1, 0, 1, 1]})
