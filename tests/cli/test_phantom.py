import json
from pathlib import Path

import pytest

from lesionkit.recipes.base import Summary
from lesionkit.recipes.ct import phantom as phantom_ct
from lesionkit.recipes.slide import phantom as phantom_slide
from lesionkit.recipes.xray import paint as paint_xray
from lesionkit.recipes.xray import phantom as phantom_xray


@pytest.fixture
def asked(monkeypatch):
    calls = []
    monkeypatch.setattr(phantom_ct, "make_phantoms", lambda *given: calls.append(("make", *given)) or Summary())
    monkeypatch.setattr(phantom_ct, "insert_phantoms", lambda *given: calls.append(("insert", *given)) or Summary())
    return calls


def test_options_become_settings_and_set_wins(lesionkit, asked):
    words = ["--count", "3", "--healthy", "0.5", "--size", "small", "--format", "nii.gz", "--patients", "2"]
    words += ["--small-lung", "0.1"]
    result = lesionkit("phantom", "ct", "--out", "d", *words, "--seed", "9", "--set", "phantom.healthy_share=0.75")
    assert result.exit_code == 0
    ((verb, out, count, seed, settings),) = asked
    assert (verb, out, count, seed) == ("make", Path("d"), 3, 9)
    assert (settings.format, settings.patients) == ("nii.gz", 2)
    assert (settings.phantom.healthy_share, settings.phantom.size) == (0.75, "small")
    assert settings.phantom.small_lung == 0.1


def test_insert_into_takes_a_scan(lesionkit, asked):
    lesionkit("phantom", "ct", "--out", "d", "--insert-into", "scan.mha", "--count", "10")
    assert asked[0][:5] == ("insert", Path("d"), Path("scan.mha"), 10, 0)


def test_an_unknown_form_is_refused(lesionkit, asked):
    assert lesionkit("phantom", "ct", "--out", "d", "--format", "jpeg").exit_code == 2
    assert asked == []


def test_one_small_chest_is_made_from_the_command_line(lesionkit):
    result = lesionkit("phantom", "ct", "--out", "d", "--count", "1", "--size", "small", "--workers", "1")
    assert result.exit_code == 0
    assert Path("d/scans/ct-phantom-00000.mha").is_file()
    assert json.loads(Path("d/phantoms.json").read_text())["asked"]["seed"] == 0


def test_options_of_radiographs_become_settings_and_set_wins(lesionkit, monkeypatch):
    calls = []
    monkeypatch.setattr(phantom_xray, "make_radiographs", lambda *given: calls.append(given) or Summary())
    words = ["--count", "3", "--size", "512", "--positive", "0.5", "--per-ct", "4", "--from-ct", "cts", "--seed", "9"]
    result = lesionkit("phantom", "xray", "--out", "d", *words, "--set", "phantom.positive_share=0.75")
    assert result.exit_code == 0
    ((out, count, seed, settings, from_ct),) = calls
    assert (out, count, seed, from_ct) == (Path("d"), 3, 9, Path("cts"))
    assert (settings.per_ct, settings.phantom.size, settings.phantom.positive_share) == (4, 512, 0.75)


def test_a_size_that_is_none_is_refused(lesionkit):
    result = lesionkit("phantom", "xray", "--out", "d", "--size", "8")
    assert result.exit_code == 2
    assert "phantom.size" in result.output


def test_slide_options_become_settings(lesionkit, monkeypatch):
    asked = []
    monkeypatch.setattr(phantom_slide, "make_slides", lambda *given: asked.append(given) or Summary())
    words = ["--count", "3", "--seed", "9", "--centre", "B", "--size-mm", "2.5", "--normal", "0.5"]
    assert lesionkit("phantom", "slide", "--out", "d", *words, "--set", "phantom.spacing_um=1").exit_code == 0
    ((out, count, seed, settings),) = asked
    assert (out, count, seed) == (Path("d"), 3, 9)
    phantom = settings.phantom
    assert (phantom.centre, phantom.size_mm, phantom.normal_share, phantom.spacing_um) == ("B", 2.5, 0.5, 1.0)


def test_a_third_centre_is_refused(lesionkit):
    result = lesionkit("phantom", "slide", "--out", "d", "--centre", "C")
    assert result.exit_code == 2
    assert "'C' is not one of 'A', 'B', 'mixed'" in result.output


def test_one_small_slide_is_made_from_the_command_line(lesionkit):
    words = ["--count", "1", "--size-mm", "1", "--set", "phantom.spacing_um=2", "--workers", "1"]
    assert lesionkit("phantom", "slide", "--out", "d", *words).exit_code == 0
    assert Path("d/slides/slide-00000.tif").is_file()
    assert json.loads(Path("d/phantoms.json").read_text())["made_by"].endswith("phantom slide")


def test_painting_has_settings_of_its_own_and_needs_both_folders(lesionkit, monkeypatch):
    calls = []
    monkeypatch.setattr(paint_xray, "paint_radiographs", lambda *given: calls.append(given) or Summary())
    words = ["phantom", "xray", "--out", "d", "--count", "3", "--paint-on", "images"]
    sizes = ["--size", "128", "--positive", "0.25", "--seed", "9", "--set", "paint.adults=1"]
    assert lesionkit(*words, "--lungs", "masks", *sizes).exit_code == 0
    ((out, images, masks, count, seed, settings),) = calls
    assert (out, images, masks, count, seed) == (Path("d"), Path("images"), Path("masks"), 3, 9)
    assert (settings.paint.size, settings.paint.positive_share, settings.paint.adults) == (128, 0.25, 1)
    assert "--paint-on and --lungs belong together" in lesionkit(*words).output
    both = lesionkit(*words, "--lungs", "masks", "--from-ct", "scans")
    assert (both.exit_code, "there is no CT to project" in both.output) == (2, True)
