from lesionkit.recipes.ct.nodule import RECIPE


def test_the_recipe_is_one_of_ct_and_has_a_shipped_model_of_its_kind():
    assert RECIPE.name == "ct-nodule"
    assert "ct-nodule" in RECIPE.shipped_models()
    assert isinstance(RECIPE.model_settings(None), RECIPE.settings)
