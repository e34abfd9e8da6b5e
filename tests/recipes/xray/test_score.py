from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import decode_rle_siim, encode_rle_siim
from lesionkit.recipes.base import Item
from lesionkit.recipes.xray.score import SHAPE, _at_shape, score_found
from lesionkit.recipes.xray.search import FoundRadiograph
from lesionkit.recipes.xray.settings import XrayPneumothorax

RULE = XrayPneumothorax().model_copy(update={"score": XrayPneumothorax().score.model_copy(update={"bootstrap": 5})})


def found(name, shape, encoded="-1", known=("-1",), patient=""):
    item = Item(name, Path(f"{name}.png"), patient, None if known is None else {"encoded": list(known)})
    return FoundRadiograph(item, patient or name, shape, encoded, 0.5, None, 0.0)


def resized(rows, shape):
    """Which rows of a mask of whole rows are lesion after it was brought to another height."""
    mask = np.zeros((len(rows), 2), bool)
    mask[np.array(rows, bool)] = True
    code = _at_shape(encode_rle_siim(mask), found("a", mask.shape), (shape, 2))
    return decode_rle_siim(code, (shape, 2))[:, 0].astype(int).tolist()


def test_each_new_pixel_takes_what_lies_at_its_centre():
    # Of four rows in two, the centres lie at 1.0 and 3.0; of two in four, each is seen twice.
    assert resized([0, 1, 0, 1], 2) == [1, 1]
    assert resized([1, 0, 1, 0], 2) == [0, 0]
    assert resized([0, 1], 4) == [0, 0, 1, 1]
    assert resized([0, 1, 0], 9) == [0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_a_code_that_does_not_fit_its_image_names_it():
    with pytest.raises(LesionkitError, match="image 'a': "):
        _at_shape("0 50", found("a", (2, 2)), (4, 4))


def test_only_radiographs_whose_truth_is_known_are_scored():
    code = encode_rle_siim(np.eye(4, dtype=bool))
    several = [found("a", (4, 4), code, [code]), found("b", (4, 4)), found("c", (4, 4), known=None)]
    scored = score_found(several, Path("m"), RULE)
    assert set(scored.known) == {"a", "b"}
    assert scored.scores["siim"].figures["dice"].value == 1.0
    assert score_found([found("c", (4, 4), known=None)], Path("m"), RULE).scores == {}


def test_radiographs_of_several_sizes_are_compared_at_one_and_say_so():
    scored = score_found([found("a", (4, 4)), found("b", (4, 6))], Path("m"), RULE)
    assert f"radiographs have 2 sizes; masks were compared at {SHAPE[0]} × {SHAPE[1]} pixels" in (
        scored.scores["siim"].warnings
    )
