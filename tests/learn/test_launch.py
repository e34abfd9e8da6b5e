import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.launch import Launch, devices_in_all, launched


def begin(monkeypatch, rank, world, here):
    words = {"TORCHELASTIC_RUN_ID": "x", "RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": here}
    for name, value in words.items():
        monkeypatch.setenv(name, str(value))


def test_without_torchrun_the_devices_are_those_of_this_machine(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert launched() is None
    assert (devices_in_all(None, None), devices_in_all(2, None), devices_in_all(2, 1)) == (None, 2, 2)
    with pytest.raises(LesionkitError, match=r"--num-nodes 3 needs a process on every machine"):
        devices_in_all(2, 3)


def test_torchrun_says_how_many_there_are_on_how_many_machines(monkeypatch):
    begin(monkeypatch, rank=5, world=8, here=4)
    assert launched() == Launch(5, 8, 4)
    assert launched().machines == 2
    assert devices_in_all(None, None) == devices_in_all(4, 2) == devices_in_all(None, 2) == 8


def test_what_is_asked_for_must_be_what_torchrun_began(monkeypatch):
    begin(monkeypatch, rank=0, world=2, here=2)
    with pytest.raises(LesionkitError, match=r"--devices 4 --num-nodes 1 must fit .* 2 process\(es\) on 1 machine"):
        devices_in_all(4, None)
