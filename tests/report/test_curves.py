import re

import numpy as np
import pytest
from PIL import Image as Pillow

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Curve, OperatingPoint
from lesionkit.report.curves import curves_svg, histogram_svg, plot_curves


def froc(name: str = "system A", n: int = 40) -> Curve:
    x = np.linspace(0, 10, n)
    y = 1 - 1 / (1 + x)
    return Curve(name, "false positives per scan", "sensitivity", x, y, -x, y - 0.05, y + 0.02, step=True)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_suffix_chooses_the_kind_of_file(tmp_path, suffix):
    path = plot_curves([froc(), froc("system B")], tmp_path / f"curve.{suffix}")
    if suffix == "png":
        with Pillow.open(path) as picture:
            assert picture.width > 900
    else:
        assert "system B" in path.read_text(encoding="utf-8")


def test_the_same_curves_give_the_same_file(tmp_path):
    for suffix in ("svg", "png"):
        one = plot_curves([froc()], tmp_path / f"a.{suffix}").read_bytes()
        assert plot_curves([froc()], tmp_path / f"b.{suffix}").read_bytes() == one


def test_another_suffix_and_no_curve_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match=r"written as .png or .svg, got 'curve.gif'"):
        plot_curves([froc()], tmp_path / "curve.gif")
    with pytest.raises(LesionkitError, match="at least one curve"):
        plot_curves([], tmp_path / "curve.png")
    assert list(tmp_path.iterdir()) == []


def test_a_froc_axis_runs_in_powers_of_two_from_an_eighth_to_eight():
    svg = curves_svg([froc()])
    labels = re.findall(r">([^<>]+)</text>", svg)
    assert labels[:8] == ["1/8", "1/4", "1/2", "1", "2", "4", "8", "false positives per scan"]


def test_an_inline_plot_takes_its_colours_from_the_page_and_names_no_address():
    svg = curves_svg([froc(), froc("B")], [OperatingPoint("one", 0.5, 1.0, 0.5)])
    assert "var(--series-1)" in svg
    assert "var(--ink)" in svg
    assert "http" not in svg
    assert 'role="img"' in svg


def test_two_plots_on_one_page_share_no_id():
    ids = [set(re.findall(r'\bid="([^"]+)"', curves_svg([froc(name)]))) for name in ("A", "B")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_detector_without_false_positives_still_has_a_visible_curve():
    perfect = Curve("perfect", "false positives per case", "sensitivity", *np.array([[0, 0], [0, 1], [np.inf, 0.5]]))
    assert re.search(r'<path d="M [^"]*L [^"]*"[^>]*var\(--series-1\)', curves_svg([perfect]))


def test_an_undefined_curve_and_a_long_one_are_drawn():
    nothing = Curve(
        "healthy only", "false positives per case", "sensitivity", np.ones(3), np.full(3, np.nan), np.ones(3)
    )
    assert "healthy only" in curves_svg([nothing])
    assert len(curves_svg([froc(n=100_000)])) < 250_000


def test_names_in_a_plot_are_escaped():
    svg = curves_svg([froc("<script>alert(1)</script>")])
    assert "<script" not in svg


def test_a_histogram_says_how_many_values_it_shows():
    svg = histogram_svg([0.1, 0.2, 0.2, 99.0], "cover ratio", [0, 0.15, 0.3, 0.5])
    assert 'aria-label="Histogram of cover ratio: 4 values, median 0.2"' in svg
