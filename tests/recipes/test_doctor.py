import pytest

from lesionkit.prepare.store import ReadRate
from lesionkit.recipes import doctor as subject
from lesionkit.recipes.doctor import DoctorSettings, examine, judge_reading


class NoModel:
    @staticmethod
    def shipped_models():
        return {}


@pytest.fixture
def findings(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "load_recipe", lambda name: NoModel)

    def look(**changes):
        settings = DoctorSettings(read_s=0.05, **changes)
        return {finding.name: finding for finding in examine(tmp_path / "cache", settings)}

    return look


@pytest.mark.parametrize(("rate", "verdict"), [(19.0, "bad"), (30.0, "note"), (40.0, "ok")])
def test_reading_must_keep_up_with_training_and_had_better_be_twice_as_fast(rate, verdict):
    finding = judge_reading(ReadRate(rate, 10.0, 5), "the store", DoctorSettings(demand_patches_per_s=20))
    assert finding.verdict == verdict


def test_a_disk_that_would_starve_training_is_told_with_both_rates():
    finding = judge_reading(ReadRate(5.0, 2.6, 5), "the store", DoctorSettings())
    assert finding.value == "5 patches of 64³ a second from the store in one process (3 MB/s); training eats 20"
    assert finding.advice.startswith("the disk would starve training")


def test_every_part_of_the_machine_is_looked_at(findings, tmp_path):
    found = findings()
    assert {"lesionkit", "python", "packages", "processor", "memory", "disk", "reading", "ct-nodule"} <= found.keys()
    assert found["packages"].verdict == "ok"
    assert "a trial case" in found["reading"].value
    # The trial leaves nothing behind.
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_and_disk_are_noted(findings):
    found = findings(min_memory_gb=1e9, min_disk_gb=1e9)
    assert (found["memory"].verdict, found["disk"].verdict) == ("note", "note")


def test_a_missing_package_is_bad(findings, monkeypatch):
    monkeypatch.setattr(subject.metadata, "requires", lambda name: ["nonesuch>=1", "ray; extra == 'cluster'"])
    finding = findings()["packages"]
    assert (finding.verdict, finding.value) == ("bad", "nonesuch missing (needs >=1)")


def test_a_recipe_without_a_model_says_how_to_get_one(findings):
    assert findings()["ct-nodule"].advice == "train one: lesionkit train ct-nodule DATA"
