from pathlib import Path

import pytest
from tests.recipes.discs import DISC, RECIPE
from tests.recipes.reviewed_runs import xray_run

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import ReviewRequest
from lesionkit.recipes.review import review
from lesionkit.runs.run_folder import read_run


def test_a_kind_that_gives_no_page_is_refused(tmp_path):
    run = read_run(xray_run(tmp_path))
    with pytest.raises(LesionkitError, match="findings of disc-finder cannot be reviewed; its kind of image gives no"):
        review(run, ReviewRequest("ann"), RECIPE.settings(), DISC, "disc-finder")


@pytest.mark.parametrize("name", ["ct-nodule", "xray-pneumothorax-1st", "slide-metastasis-2018"])
def test_every_recipe_can_be_reviewed(name):
    assert callable(load_recipe(name).reviewed.open)


def test_most_files_tell_no_day():
    from lesionkit.recipes.reviewing import Reviewing

    assert Reviewing(None, None, None, None).day(Path("a.png")) is None
