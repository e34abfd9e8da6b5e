import torch

from lesionkit.engine.threads import limited


def test_threads_are_limited_for_a_while_and_what_was_before_comes_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with limited(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with limited(None):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
