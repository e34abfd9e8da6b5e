import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.settings_file import change


def test_members_whose_files_would_have_one_name_are_refused():
    with pytest.raises(LesionkitError, match="members must have different names, got a b, A-b"):
        SlideMetastasis.parse({"members": [{"name": "a b"}, {"name": "A-b"}]})


def test_the_originals_weights_are_of_two_members():
    given = {"ensemble": {"weights": "phase 1"}, "members": [{"name": "a"}, {"name": "b"}]}
    assert len(SlideMetastasis.parse(given).networks) == 2
    with pytest.raises(LesionkitError, match="'phase 1' are of two members, got"):
        SlideMetastasis.parse({**given, "members": [{"name": "a"}]})


@pytest.mark.parametrize("few", [96, 33])
def test_smaller_patches_are_smaller_and_have_the_same_middle(few):
    with pytest.raises(LesionkitError, match=f"must be smaller than patches.patch by an even number, got {few}"):
        change(SlideMetastasis(), {"few": {"patch": few}})


def test_without_members_the_net_stands_for_itself():
    (alone,) = SlideMetastasis().networks
    assert (alone.name, alone.net) == ("net", SlideMetastasis().net)
