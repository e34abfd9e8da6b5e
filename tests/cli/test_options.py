from lesionkit.cli.options import assignments


def test_short_options_come_before_set_so_that_set_wins():
    assert assignments(["a.b=2"], a__b=1) == ["a.b=1", "a.b=2"]


def test_options_not_given_set_nothing():
    assert assignments(None, read__series=None) == []
