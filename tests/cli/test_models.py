import json


def test_the_list_has_a_row_for_each_shipped_model(lesionkit):
    result = lesionkit("models")
    assert result.exit_code == 0
    for name in ("ct-nodule", "slide-metastasis", "xray-pneumothorax"):
        assert f"{name}, shipped" in result.stdout


def test_the_list_is_json_for_programs(lesionkit):
    models = json.loads(lesionkit("models", "--json").stdout)
    assert {len(model["sha256"]) for model in models} == {64}
    assert "card" not in models[0]


def test_runs_below_the_folder_are_listed_and_one_that_is_damaged_says_so(lesionkit, tmp_path):
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "run.json").touch()
    (tmp_path / "runs" / "a" / "model.safetensors").write_bytes(b"no weights")
    result = lesionkit("models")
    assert (result.exit_code, "cannot be used" in result.stdout) == (0, True)
    assert "failed: runs/a/model.safetensors must be a safetensors model" in result.stderr


def test_a_word_that_is_no_verb_is_the_name_of_a_model_whose_card_is_shown(lesionkit):
    shown = lesionkit("models", "ct-nodule").stdout
    assert "# Model card: ct-nodule" in shown
    assert shown == lesionkit("models", "show", "ct-nodule").stdout
    assert json.loads(lesionkit("models", "ct-nodule", "--json").stdout)["card"]["recipe"] == "ct-nodule"


def test_a_model_that_is_not_there_is_one_sentence(lesionkit, tmp_path):
    result = lesionkit("models", "nothing")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "got 'nothing'" in result.stderr
    result = lesionkit("models", "--in", tmp_path / "nowhere")
    assert (result.exit_code, "looked for in a folder" in result.stderr) == (2, True)
