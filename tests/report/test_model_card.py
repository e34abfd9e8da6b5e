from lesionkit.evaluate.points import OperatingPoints, StoredPoint
from lesionkit.evaluate.score import Figure
from lesionkit.report.model_card import NOT_TOLD, UNKNOWN_LIMITS, card_panel

CARD = {
    "file": "ct.safetensors",
    "recipe": "ct-nodule",
    "licence": "Apache-2.0",
    "data": [
        {"name": "phantoms", "synthetic": True, "images": 38, "licence": "none needed: computed"},
        {
            "name": "LIDC-IDRI-0001",
            "synthetic": False,
            "licence": "CC BY 3.0",
            "attribution": "TCIA",
            "also": ["LUNA16"],
        },
    ],
    "training_cases": 42,
    "settings": {"split": {"shares": [0.7, 0.3], "seed": 0, "folds": None}, "learn": {"seed": 5}},
    "command": "lesionkit train ct-nodule DATA",
    "seconds": 3600,
    "inputs": {"data": {"files": 3, "sha256": "ab" * 32}},
    "measured": {
        "on": {"scans": 6},
        "figures": {"exact": {"cpm": {"value": 0.8, "lower": 0.6, "upper": 1.0, "note": "15 lesions"}}},
        "reliability": {"Brier score": 0.1},
    },
    "operating_points": OperatingPoints(
        (StoredPoint("1 false positive a scan", 0.57, {"sensitivity": Figure(0.8, 0.6, 1.0, "12 of 15 lesions")}),),
        "1 false positive a scan",
        {"scans": 6},
    ).to_card(),
    "limits": ["It never saw a child."],
}


def rows(card) -> dict[str, dict[str, str]]:
    return {group.title: dict(group.rows) for group in card_panel(card)}


def test_synthetic_and_real_data_are_told_apart_with_licence_and_attribution() -> None:
    learned = rows(CARD)["Learned from"]
    assert learned["synthetic: phantoms"] == "38 images; none needed: computed"
    assert learned["real: LIDC-IDRI-0001"] == "CC BY 3.0; TCIA; also in LUNA16"
    assert learned["cases"] == "42"


def test_it_says_how_the_model_was_trained() -> None:
    training = rows(CARD)["Training"]
    assert training["command"] == "lesionkit train ct-nodule DATA"
    assert training["split"] == "shares 0.7 : 0.3, seed 0"
    assert (training["seed"], training["time"]) == ("5", "60 minutes")
    assert training["data, by content"].startswith("3 files, SHA-256 abab")


def test_figures_of_validation_have_intervals_and_denominators() -> None:
    told = rows(CARD)
    assert told["Validation"]["cpm (exact)"] == "0.800 (95 % interval 0.600 to 1.000), 15 lesions"
    assert told["Operating points"]["1 false positive a scan (default)"] == (
        "threshold 0.57; sensitivity 0.800 (95 % interval 0.600 to 1.000), 12 of 15 lesions"
    )


def test_limits_and_leakage_are_told() -> None:
    limits = rows(CARD)["Limits"]
    assert limits["limit 1"] == "It never saw a child."
    assert limits["leakage"].startswith("It learned from phantoms, LIDC-IDRI-0001, LUNA16: figures of the same images")


def test_what_a_card_does_not_tell_is_said_to_be_not_told() -> None:
    told = rows({"file": "old.safetensors", "recipe": "ct-nodule"})
    assert told["Model"]["licence of the weights"] == NOT_TOLD
    assert told["Learned from"]["data"].startswith(NOT_TOLD)
    assert told["Training"]["time"] == NOT_TOLD
    assert told["Limits"]["limit 1"] == UNKNOWN_LIMITS
    assert "no operating points" in told["Operating points"]["none"]


def test_figures_that_a_training_noted_are_shown_where_none_are_measured() -> None:
    card = {"validation": {"counts": {"scans": 6}, "figures": {"cpm": [0.78, 0.59, 1.0]}, "patch AUC": 0.99}}
    told = rows(card)["Validation"]
    assert told == {
        "measured on": "6 scans",
        "cpm": "0.780 (95 % interval 0.590 to 1.000)",
        "patch AUC": "0.99",
    }


def test_no_card_is_no_panel() -> None:
    assert card_panel({}) == ()


def test_a_training_of_less_than_a_second_took_time_too():
    assert rows({**CARD, "seconds": 0})["Training"]["time"] == "0 minutes"
