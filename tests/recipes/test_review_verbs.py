from tests.recipes.reviewed_runs import decided, xray_run

from lesionkit.recipes.base import ReviewRequest
from lesionkit.recipes.review_verbs import review_verbs
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.runs.run_folder import read_run


def test_the_verbs_of_readers_are_those_of_the_kind(tmp_path):
    run = xray_run(tmp_path)
    decided(run, ("accept", "a", 0), ("done", "a"))
    verbs, opened = review_verbs(XRAY, "xray-pneumothorax"), read_run(run)
    settings = XrayPneumothorax.parse(opened.record["settings"])
    session, missing = verbs.open(opened, ReviewRequest("ben"), settings)
    session.store.close()
    assert (session.reader, missing) == ("ben", ())
    told = verbs.agreement(opened, settings)
    assert (told["readers"], len(told["places"])) == (["ann"], 1)
