import zipfile

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.runs.guests import added_models, guest_file, remember


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


BUNDLE = ("configs/inference.json", "models/model.pt")


def test_a_bundle_is_found_in_its_folder_in_the_one_around_it_and_by_its_weights(tmp_path):
    make(tmp_path / "a/b", *BUNDLE)
    weights = tmp_path / "a/b/models/model.pt"
    assert [guest_file(path) for path in (tmp_path / "a/b", tmp_path / "a", weights)] == [weights] * 3


def test_a_description_stands_for_the_model_beside_it(tmp_path):
    make(tmp_path, "m/lesionkit.yaml", "m/a.onnx")
    found = tmp_path / "m/lesionkit.yaml"
    assert [guest_file(path) for path in (tmp_path / "m", found, tmp_path / "m/a.onnx")] == [found] * 3


def test_what_is_something_else_is_left_to_others(tmp_path):
    make(tmp_path, "run/run.json", "run/model.safetensors", "two/a/x", "two/b/x")
    for name in ("run", "run/model.safetensors", "two", "none", "none.pt"):
        assert guest_file(tmp_path / name) is None


def test_a_zip_is_unpacked_once_into_the_cache(tmp_path):
    make(tmp_path / "in/b", *BUNDLE)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name in BUNDLE:
            archive.write(tmp_path / "in/b" / name, f"b/{name}")
    found = guest_file(tmp_path / "b.zip")
    assert found.is_relative_to(tmp_path / "cache")
    assert found.read_text() == "x"
    before = found.stat().st_mtime_ns
    assert guest_file(tmp_path / "b.zip").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt", "C:/out.txt"])
def test_a_zip_whose_names_lead_out_of_it_is_refused_before_anything_is_written(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("good.txt", "x")
        archive.writestr(name, "x")
    with pytest.raises(LesionkitError, match="which leads out of it; nothing was unpacked"):
        guest_file(tmp_path / "b.zip")
    assert not list((tmp_path / "cache").rglob("*.txt"))


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(LesionkitError, match="got 'link', which leads out of it"):
        guest_file(tmp_path / "b.zip")


def test_a_bundle_without_weights_and_weights_without_a_bundle_say_what_is_missing(tmp_path):
    make(tmp_path / "b", "configs/metadata.json")
    with pytest.raises(LesionkitError, match=r"has no models/model.pt.*monai.bundle download b"):
        guest_file(tmp_path / "b")
    make(tmp_path, "a.ts")
    with pytest.raises(LesionkitError, match="does not say what it is shown"):
        guest_file(tmp_path / "a.ts")


def test_a_model_is_remembered_by_name_once(tmp_path):
    file = make(tmp_path, "a.onnx") / "a.onnx"
    assert added_models() == {}
    folder = remember(file, {"deep/a.onnx": file}, "mine", {"sha256": "1"})
    assert (folder / "deep/a.onnx").read_text() == "x"
    assert added_models() == {"mine": folder} == {"mine": remember(file, {}, "mine", {"sha256": "1"})}
    with pytest.raises(LesionkitError, match="another model was added as 'mine' before"):
        remember(file, {}, "mine", {"sha256": "2"})
