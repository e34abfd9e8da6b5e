from lesionkit.recipes.slide.metastasis import RECIPE


def test_the_recipe_is_one_of_slides_and_has_a_shipped_model():
    assert RECIPE.name == "slide-metastasis"
    assert "slide-metastasis" in RECIPE.shipped_models()
    assert isinstance(RECIPE.model_settings(None), RECIPE.settings)
