from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.report.verdict import judge, rings_of

NODULE, SCAR = Lesion((0.0, 0.0, 0.0), 10.0), Lesion((50.0, 0.0, 0.0), 10.0)


def at(x: float) -> Candidate:
    return Candidate((x, 0.0, 0.0), 0.5)


def test_the_first_of_two_candidates_in_a_lesion_hits_it_and_the_second_repeats(chest):
    judged = judge(chest(candidates=(at(30), at(4), at(1)), truth=(NODULE,)))
    assert judged.verdicts == ("false positive", "hit", "repeat")
    assert judged.found_by == (2,)


def test_at_a_distance_of_the_radius_a_lesion_is_missed(chest):
    judged = judge(chest(candidates=(at(5.0),), truth=(NODULE,)))
    assert (judged.verdicts, judged.found_by, judged.n_found) == (("false positive",), (None,), 0)


def test_a_candidate_on_an_excluded_finding_counts_neither_way(chest):
    assert judge(chest(candidates=(at(51),), truth=(NODULE,), excluded=(SCAR,))).verdicts == ("excluded",)


def test_a_healthy_scan_has_only_false_positives_and_an_unread_one_no_verdict(chest):
    assert judge(chest(candidates=(at(0),), truth=())).verdicts == ("false positive",)
    assert judge(chest(candidates=(at(0),))) is None


def test_truth_and_excluded_findings_are_told_apart_when_drawn(chest):
    assert rings_of(chest(truth=(NODULE,), excluded=(SCAR,))) == ((NODULE, "lesion"), (SCAR, "excluded"))
