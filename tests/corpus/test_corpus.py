"""Every folder beside this file with a case.yaml is a test: what comes in is read right, or refused with the right
sentence."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = sorted(file.parent for file in HERE.glob("*/case.yaml"))
MAX_BYTES = 50_000


@pytest.mark.parametrize("folder", [pytest.param(folder, id=folder.name) for folder in CASES])
def test_what_comes_in_is_read_right_or_refused_with_the_right_sentence(folder, corpus, outcome_of, work):
    case = corpus.load(folder)
    corpus.compare(case, outcome_of(folder, case), work)


@pytest.mark.parametrize("folder", [folder for folder in HERE.iterdir() if folder.is_dir()], ids=lambda f: f.name)
def test_a_case_is_small_and_has_its_yaml(folder):
    if folder.name in ("makers", "__pycache__"):
        return
    assert (folder / "case.yaml").is_file(), f"tests/corpus/{folder.name} has no case.yaml"
    for file in folder.rglob("*"):
        assert not file.is_file() or file.stat().st_size <= MAX_BYTES, f"{file} is larger than {MAX_BYTES} bytes"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("what: a\nrun: info x\nexpect: {exti: 2}", "unknown key 'exti'; 'expect' has exit"),
        ("what: a\nrunn: info x\nexpect: {exit: 2}", "unknown key 'runn'; a case has expect"),
        ("what: a\nexpect: {exit: 2}", "must have either 'run'"),
        ("what: a\nrun: info x", "must say what to expect"),
        ("run: info x\nexpect: {exit: 2}", "must say in one sentence 'what' it is"),
        ("what: a\nmake: [{maker: scna}]\nrun: info x\nexpect: {exit: 2}", "there is no maker 'scna'; there is "),
        ("what: a\nread: {probe: scna}\nexpect: {exit: 2}", "there is no probe 'scna'; there is "),
        ("what: [", "must be a YAML file"),
    ],
)
def test_a_case_that_says_what_nobody_reads_is_refused_with_a_sentence(text, sentence, corpus, tmp_path):
    (tmp_path / "case.yaml").write_text(text)
    with pytest.raises(corpus.BadCaseError, match=sentence):
        corpus.load(tmp_path)


def test_a_word_that_a_maker_does_not_know_is_refused_with_a_sentence(corpus, tmp_path):
    with pytest.raises(corpus.BadCaseError, match="unexpected keyword argument 'spacng'"):
        corpus.make(tmp_path, {"make": [{"maker": "nifti", "path": "a.nii", "spacng": 1}]}, tmp_path)


def test_values_are_compared_as_the_readme_says(corpus):
    assert corpus.is_like([0.7, 2.5004], [0.7, 2.5])
    assert not corpus.is_like([0.7, 2.51], [0.7, 2.5])
    assert corpus.is_like("left and right are unknown", "/left .* unknown/")
    assert not corpus.is_like(1, True)
    assert not corpus.is_like([1, 2], [1, 2, 3])


def test_the_index_of_the_corpus_names_every_maker_and_probe():
    from ast import FunctionDef, parse

    readme = (HERE / "README.md").read_text(encoding="utf-8")
    for file in [*sorted((HERE / "makers").glob("*.py")), HERE / "probes.py"]:
        for node in parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, FunctionDef) and not node.name.startswith("_"):
                assert f"`{node.name}`" in readme, f"tests/corpus/README.md does not name {node.name} of {file.name}"
