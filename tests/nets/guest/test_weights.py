import pytest
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.weights import fill, read_weights


def test_weights_are_found_under_the_names_of_checkpoints(tmp_path):
    for number, held in enumerate([{"a": torch.ones(2)}, {"model": {"module.a": torch.ones(2)}, "epoch": 3}]):
        torch.save(held, tmp_path / f"{number}.pt")
        assert read_weights(tmp_path / f"{number}.pt")["a"].tolist() == [1, 1]


@pytest.mark.parametrize("held", [[torch.ones(1)], {"a": 3}, {}, torch.ones(1)])
def test_what_is_no_state_dict_is_refused(tmp_path, held):
    torch.save(held, tmp_path / "m.pt")
    with pytest.raises(LesionkitError, match="must hold names with tensors"):
        read_weights(tmp_path / "m.pt")


def test_a_whole_network_is_code_and_is_not_run(tmp_path):
    torch.save(nn.Linear(1, 1), tmp_path / "m.pt")
    with pytest.raises(LesionkitError, match="holds code or objects of a program, which were not run"):
        read_weights(tmp_path / "m.pt")


def test_missing_files_and_text_are_one_sentence(tmp_path):
    with pytest.raises(LesionkitError, match="the bundle has no"):
        read_weights(tmp_path / "m.pt")
    (tmp_path / "m.pt").write_text("hello")
    with pytest.raises(LesionkitError, match=r"cut off or damaged|holds code"):
        read_weights(tmp_path / "m.pt")


def test_weights_that_do_not_fit_are_counted_and_the_first_is_named(tmp_path):
    torch.save({"weight": torch.ones(3, 1), "extra": torch.ones(1)}, tmp_path / "m.pt")
    said = r"1 are missing \(first 'bias'\), 1 are unknown \(first 'extra'\), 1 have another shape \(first 'weight'\)"
    with pytest.raises(LesionkitError, match=said + "; the bundle was made with MONAI 0.9.1"):
        fill(nn.Linear(1, 2), tmp_path / "m.pt", "0.9.1")
