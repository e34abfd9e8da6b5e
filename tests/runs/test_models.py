import pytest

from lesionkit.recipes import load_recipe


@pytest.mark.parametrize("recipe", ["ct-nodule", "slide-metastasis", "xray-pneumothorax"])
def test_the_models_that_are_shipped_are_searched_with_in_the_precision_of_the_machine_they_are_on(recipe):
    infer = load_recipe(recipe).model_settings(None).infer
    assert (infer.precision, infer.device) == ("auto", "auto")
