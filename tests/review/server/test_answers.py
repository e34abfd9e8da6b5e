"""What the page is told of two scans, and of several readers."""

import pytest


def test_two_scans_are_laid_upon_each_other_and_what_grew_is_told(client, decide):
    decide("resize", "f0", case=1, place=[2, 5, 6], diameter=6 * 2 ** (1 / 3))
    told = client.get("api/compare/0/1").json()
    assert told["days"] == 90
    (pair,) = told["pairs"]
    assert (pair["first"]["id"], pair["second"]["id"], pair["distance_mm"]) == ("f0", "f0", 0.0)
    assert pair["doubling_days"] == pytest.approx(90)
    assert told["method"] == "moved by hand; then pairs are the nearest places within 10 mm"
    # The weaker one of the first scan lies above the line of 0.5.
    assert [one["id"] for one in told["only_first"]] == ["f1"]


def test_what_stays_as_it_is_does_not_double_and_without_days_nothing_is_known(client):
    assert client.get("api/compare/0/1").json()["pairs"][0]["doubling_days"] == "unchanged"
    assert client.get("api/compare/1/0").json()["pairs"][0]["doubling_days"] is None


def test_agreement_is_told_by_place(client, decide, session):
    decide("accept", "f0")
    decide("done")
    told = client.get("api/agreement").json()
    assert (told["readers"], told["figures"]) == (["ann"], {"places": 1})
    assert told["places"][0]["answers"] == {"ann": "accept"}
