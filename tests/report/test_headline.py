from lesionkit.evaluate.bootstrap import bootstrapped
from lesionkit.evaluate.score import Figure, Score
from lesionkit.report.headline import figure_text


def text(figure, counts=""):
    return figure_text(Score("", "", {"cpm": figure}, {}), "cpm", counts)


def test_a_figure_is_told_with_its_interval_and_counts():
    assert text(Figure(0.8777, 0.7, 0.96), "3 scans") == "0.878 (95 % interval 0.700 to 0.960) on 3 scans"
    assert text(Figure(0.5)) == "0.500"


def test_a_figure_of_one_patient_says_so():
    assert (
        text(bootstrapped(0.5, [0.5, 0.5], "of 2 lesions", 1), "1 scan") == "0.500 (no interval: one patient) on 1 scan"
    )
