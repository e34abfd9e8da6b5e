"""A finished run becomes a page, whatever the kind of image."""

import json
import shutil

import pytest
from tests.recipes.reviewed_runs import ct_run, decided, opened, slide_run, xray_run

from lesionkit.core.errors import LesionkitError
from lesionkit.review.server.answers import agreement_document


def test_a_run_of_scans_has_the_points_of_its_model_for_findings(tmp_path):
    session, missing = opened(ct_run(tmp_path))
    assert missing == ()
    assert [sheet.case_id for sheet in session.sheets] == ["a", "b"]
    assert [len(sheet.findings) for sheet in session.sheets] == [3, 3]
    assert (session.line.of, session.line.shown_from) == ("finding", session.line.threshold)
    assert "1 false positive a scan" in [point.name for point in session.line.points]
    assert session.line.points[0].told
    assert session.sheets[0].warnings == ("odd",)
    session.store.close()


@pytest.mark.parametrize(("make", "unit"), [(xray_run, "px"), (slide_run, "mm")])
def test_points_of_pictures_tell_images_apart_and_not_findings(tmp_path, make, unit):
    session, _ = opened(make(tmp_path))
    assert (session.line.of, session.line.shown_from, session.shift) == ("image", None, None)
    first = session.sheets[0]
    assert (first.unit, len(first.findings), first.score is None) == (unit, 1, False)
    session.store.close()


def test_moved_images_are_told_and_found_again(tmp_path):
    run = ct_run(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "images" / "b.mha", tmp_path / "elsewhere" / "b.mha")
    session, missing = opened(run)
    assert missing == (f"{tmp_path}/images/b.mha: the scan is not there anymore; name its new place with --images DIR",)
    assert [bool(sheet.missing) for sheet in session.sheets] == [False, True]
    session.store.close()
    session, missing = opened(run, images=tmp_path / "elsewhere")
    assert missing == ()
    assert session.sheets[1].open().samples.shape == (12, 40, 40)
    session.store.close()


def test_a_run_none_of_whose_images_is_there_is_refused(tmp_path):
    run = ct_run(tmp_path)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(LesionkitError, match=r"none of the 2 scans of the run is where it was, the first: .*a.mha"):
        opened(run)


def test_decisions_of_another_run_are_refused(tmp_path):
    one, other = ct_run(tmp_path / "one"), ct_run(tmp_path / "other")
    decided(one, ("accept", "a", 0))
    shutil.copytree(one / "review", other / "review")
    record = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**record, "started": "2020-01-01T00:00:00+00:00"}))
    with pytest.raises(LesionkitError, match="holds decisions on the findings of another run"):
        opened(other)


def test_a_run_without_findings_is_shown_and_one_without_a_search_is_not(tmp_path):
    run = xray_run(tmp_path)
    session, _ = opened(run)
    assert len(session.sheets[1].findings) == 0
    session.store.close()
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "stages": {}}))
    with pytest.raises(LesionkitError, match="holds no finished search"):
        opened(run)


def test_readers_agree_by_kappa(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("reject", "a", 1), ("done", "a"), reader="ann")
    decided(run, ("accept", "a", 0), ("reject", "a", 1), ("done", "a"), reader="ben")
    session, _ = opened(run)
    told = agreement_document(session)
    assert told["readers"] == ["ann", "ben"]
    assert told["figures"]["Cohen's kappa of ann and ben"].startswith("1.000")
    assert told["figures"]["places all agree on"] == "2 of 2"
    session.store.close()


def test_one_reader_alone_agrees_with_nobody(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("done", "a"))
    session, _ = opened(run)
    assert "two readers must have finished" in agreement_document(session)["figures"]["kappa"]
    session.store.close()
