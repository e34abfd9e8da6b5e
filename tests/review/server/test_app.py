import pytest
from tests.review.server.conftest import POSTED


def test_the_session_tells_images_points_and_the_line(client):
    told = client.get("api/session").json()
    assert (told["reader"], told["shown_from"], told["compares"]) == ("ann", 0.5, True)
    assert [one["case_id"] for one in told["cases"]] == ["one", "two", "slide", "gone"]
    assert told["points"] == [{"name": "1 false positive a scan", "threshold": 0.5, "told": ["sensitivity 0.8"]}]
    assert told["cases"][3]["missing"] == "gone.mha: the scan is not there anymore"


def test_findings_are_told_in_samples_of_what_is_shown(client):
    told = client.get("api/case/0").json()
    assert told["findings"][0]["place"] == [2.0, 5.0, 5.0]
    assert client.get("api/case/2").json()["findings"][0]["rings"][0][2] == [255.5, 255.5]


def test_an_answer_is_kept_and_told_again(client, decide, session):
    assert decide("accept", "f0").json()["verdicts"]["f0"]["answer"] == "accept"
    assert client.get("api/session").json()["cases"][0]["decided"] == 1
    (row,) = session.store.rows()
    assert (row.reader, row.decision.centre_mm, row.decision.score) == ("ann", (105, 55, -26), 0.9)


def test_what_is_added_on_a_scan_is_kept_in_the_world(decide, session):
    told = decide("add", "added-1", place=[1.5, 10, 12], diameter=7.5).json()
    assert told["verdicts"]["added-1"]["place"] == [1.5, 10.0, 12.0]
    (row,) = session.store.rows()
    assert (row.decision.centre_mm, row.decision.diameter_mm) == ((112.0, 60.0, -27.0), 7.5)


def test_what_is_drawn_on_a_picture_is_kept_in_the_world(decide, session):
    ring = [[99.5, 199.5], [99.5, 299.5], [199.5, 299.5], [199.5, 199.5]]
    told = decide("resize", "r", case=2, outline=ring).json()
    assert told["verdicts"]["r"]["size"] == pytest.approx(0.11284, abs=1e-5)
    (row,) = session.store.rows()
    assert row.decision.outline_mm[0] == pytest.approx((0.2, 0.1))


def test_undo_goes_back_to_the_image_it_is_of(decide):
    decide("accept", "f0", case=1)
    told = decide("undo", case=0).json()
    assert (told["undone"], told["finding_id"]) == (1, "f0")
    assert "undone" not in decide("undo", case=0).json()


def test_finished_and_notes_on_the_image_are_kept(decide):
    assert decide("done").json()["done"]
    assert decide("note", note="<b>blurred</b>").json()["note"] == "<b>blurred</b>"
    assert not decide("reopen").json()["done"]


def test_a_second_page_is_told_what_was_decided_on_the_first_and_keeps_nothing(decide, session):
    decide("accept", "f0")
    answer = decide("reject", "f0", seen=0)
    assert answer.status_code == 409
    assert "decided something on another page" in answer.json()["error"]
    assert answer.json()["verdicts"]["f0"]["answer"] == "accept"
    assert len(session.store.rows()) == 1


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"action": "accept", "finding_id": "nobody"}, "'accept' must name a finding of one, got 'nobody'"),
        ({"action": "accept"}, "'accept' must name a finding"),
        ({"action": "add", "finding_id": "f0", "place": [1, 1, 1], "diameter": 5}, "'add' must name a finding"),
        ({"action": "resize", "finding_id": "f0", "place": [1, 1]}, "must have a place of 3 numbers and a diameter"),
        ({"action": "add", "finding_id": "added-1", "place": [99, 1, 1], "diameter": 5}, "must lie on the image"),
        ({"action": "add", "finding_id": "added-1", "outline": [[1, 1], [2, 2], [1, 2]]}, "an outline must have three"),
        ({"action": "like"}, "setting 'action'"),
        ({"action": "resize", "finding_id": "f0", "place": [1, 1, 1], "diameter": -5}, "setting 'diameter'"),
        ({"action": "accept", "finding_id": "f0", "more": 1}, "unknown setting 'more'"),
        ({"action": "done", "case": 9}, "there are 4 scans, got number 10"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence_and_not_kept(client, session, asked, sentence):
    answer = client.post("api/decide", json={"seen": 0, "case": 0, **asked}, headers=POSTED)
    assert (answer.status_code, session.store.rows()) == (400, [])
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "type", "sentence"),
    [
        (b"{}", "text/plain", "must come as application/json"),
        (b"{", "application/json", "must be JSON"),
        (b"[]", "application/json", "must be a JSON object"),
        (b"x" * 600_000, "application/json", "must be smaller than"),
    ],
)
def test_a_body_that_is_none_is_refused(client, content, type, sentence):
    answer = client.post("api/decide", content=content, headers={**POSTED, "content-type": type})
    assert (answer.status_code, sentence in answer.json()["error"]) == (400, True)


def test_slices_tiles_and_the_volume_are_given(client):
    assert client.get("image/0/shown").json()["windows"]["lung"] == [-600.0, 1500.0]
    assert client.get("image/2/shown").json() == {"tile": 256, "levels": 10}
    assert client.get("image/0/slice/coronal/3?window=bone").headers["content-type"] == "image/bmp"
    assert client.get("image/2/tile/10/0/0").headers["content-type"] == "image/jpeg"
    volume = client.get("image/0/volume.nii")
    assert len(volume.content) == int(volume.headers["content-length"]) == 352 + 2 * 6 * 20 * 24


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("image/3/shown", "gone.mha: the scan is not there anymore"),
        ("image/0/slice/oblique/3", "a plane must be one of axial, coronal, sagittal"),
        ("image/0/slice/axial/6", "axial slices go from 0 to 5, got 6"),
        ("image/0/slice/axial/0?window=night", "a window must be one of lung, bone, got 'night'"),
        ("image/0/tile/3/0/0", "has no tiles, for it is a volume"),
        ("image/2/slice/axial/0", "has no planes, for it is a picture"),
        ("image/2/tile/11/0/0", "there is no tile 0, 0 of level 11"),
        ("image/2/tile/10/4/0", "there is no tile 4, 0 of level 10"),
        ("api/compare/0/1?days=soon", "days must be a number, got 'soon'"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(client, path, sentence):
    answer = client.get(path)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("path", ["page/../app.py", "page/..%2fapp.py", "page/vendor/none.js"])
def test_no_file_beside_the_page_is_given(client, path):
    assert client.get(path).status_code in (403, 404)
