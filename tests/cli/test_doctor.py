import pytest

from lesionkit.recipes import doctor
from lesionkit.recipes.doctor import Finding


@pytest.mark.parametrize(("verdict", "code"), [("ok", 0), ("note", 0), ("bad", 3)])
def test_the_exit_code_tells_whether_something_will_not_work(lesionkit, monkeypatch, verdict, code):
    monkeypatch.setattr(doctor, "examine", lambda root, settings: iter([Finding("disk", "full", verdict, "tidy up")]))
    result = lesionkit("doctor")
    assert result.exit_code == code
    assert [line.split() for line in result.stdout.splitlines()] == [[verdict, "disk", "full"], ["tidy", "up"]]


def test_the_demand_of_training_can_be_given(lesionkit, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(doctor, "examine", lambda root, settings: seen.append((root, settings)) or iter(()))
    lesionkit("doctor", "--patch", "96", "--demand", "500")
    ((root, settings),) = seen
    assert (root, settings.patch, settings.demand_patches_per_s) == (tmp_path / "cache", 96, 500)
