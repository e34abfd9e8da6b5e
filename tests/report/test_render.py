import pytest

from lesionkit.report.render import Table, fact_groups, format_mm, format_score, render, total_seconds


def test_nested_facts_become_groups_and_settings_keep_their_names():
    groups = fact_groups(
        {"settings": {"find": {"nms_mm": 6.0}}, "lung": {"volume_l": 3.7771}, "kernel": "B30f", "warnings": ["a"]}
    )
    assert [(g.title, g.rows) for g in groups] == [
        ("Details", (("kernel", "B30f"),)),
        ("Settings", (("find.nms_mm", "6"),)),
        ("Lung", (("volume l", "3.777"),)),
    ]


def test_the_total_time_is_given_or_the_sum():
    assert total_seconds({"seconds": {"read": 1.0, "search": 2.0}}) == 3.0
    assert total_seconds({"seconds": {"read": 1.0, "search": 2.0, "total": 3.5}}) == 3.5
    assert total_seconds({}) is None
    (group,) = fact_groups({"seconds": {"read": 1.0, "search": 2.25}})
    assert (group.title, group.rows, group.summary) == (
        "Time",
        (("read", "1.00 s"), ("search", "2.25 s")),
        "3.2 s in all",
    )


def test_a_table_takes_every_column_that_occurs():
    table = Table.of([{"size": "small", "n": 3}, {"size": "large", "cpm": 0.5}])
    assert table.columns == ("size", "n", "cpm")
    assert table.rows == (("small", 3, None), ("large", None, 0.5))
    assert table.is_word == (True, False, False)


@pytest.mark.parametrize(("value", "text"), [(0.0, "0.0"), (-0.04, "−0.0"), (1234.56, "1234.6")])
def test_lengths_have_one_decimal(value, text):
    assert format_mm(value) == text


def test_a_logit_keeps_its_digits():
    assert format_score(-3.14159) == "−3.14"


def test_text_is_escaped():
    html = render("gallery_page.html", title="<b>&", views=[])
    assert "<title>&lt;b&gt;&amp;</title>" in html
