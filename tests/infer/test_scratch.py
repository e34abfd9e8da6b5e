import tempfile

import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.scratch import Scratch


def test_what_does_not_fit_into_memory_lies_in_a_file_and_comes_back_as_it_was():
    scratch = Scratch(most=100)
    shelf = scratch.shelf()
    parts = [torch.arange(20.0).view(4, 5), torch.arange(60.0).view(3, 4, 5).bfloat16(), torch.tensor([[7.0]])]
    assert [shelf.put(part) for part in parts] == [0, 1, 2]
    # 80 bytes fit, 120 do not, and 4 do again.
    assert (scratch.held, shelf.file is None) == (84, False)
    for number, part in enumerate(parts):
        assert torch.equal(shelf.get(number), part)
        assert shelf.get(number).dtype == part.dtype


def test_a_shelf_that_is_let_go_gives_its_memory_back():
    scratch = Scratch(most=100)
    shelf = scratch.shelf()
    shelf.put(torch.zeros(25))
    del shelf
    assert scratch.held == 0


def test_a_full_disk_is_told_in_one_sentence(monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(LesionkitError, match=r"cannot be written \(No space left on device\); free some GB there"):
        Scratch(most=0).shelf().put(torch.zeros(1))
