from lesionkit.review.consensus import truth_of
from lesionkit.review.decision import Reading, Verdict
from lesionkit.review.finding import Finding

STRONG = Finding("strong", (0.0, 0, 0), 6.0, (), 0.9)
WEAK = Finding("weak", (50.0, 0, 0), 4.0, (), 0.1)
BOTH = (STRONG, WEAK)


def reading(reader, done=True, **answers):
    return Reading(reader, "a", done, verdicts={name: Verdict(name, answer) for name, answer in answers.items()})


def names(judged):
    return [one.finding.finding_id for one in judged]


def of(*readings):
    return truth_of("a", readings, BOTH, line=0.5, reach_mm=5)


def test_an_image_that_nobody_finished_has_no_truth():
    assert of(reading("ann", done=False, strong="accept")) is None


def test_what_is_accepted_is_a_lesion_and_what_is_rejected_is_none():
    truth = of(reading("ann", strong="accept", weak="reject"))
    assert (names(truth.lesions), names(truth.rejected), truth.open) == (["strong"], ["weak"], ())


def test_what_was_shown_and_not_decided_is_open_and_what_was_folded_away_is_not_there():
    truth = of(reading("ann"))
    assert (truth.lesions, truth.rejected, names(truth.open)) == ((), (), ["strong"])


def test_of_two_readers_half_is_open_and_of_three_two_decide():
    two = of(reading("ann", strong="accept"), reading("ben", strong="reject"))
    assert (two.lesions, names(two.open)) == ((), ["strong"])
    three = of(reading("ann", strong="accept"), reading("ben", strong="reject"), reading("cat", strong="accept"))
    assert names(three.lesions) == ["strong"]


def test_who_is_not_done_does_not_vote():
    assert names(of(reading("ann", strong="accept"), reading("ben", done=False)).lesions) == ["strong"]


def added(reader, name, x, diameter=8.0):
    verdict = Verdict(name, "accept", (x, 0.0, 0.0), diameter, added=True)
    return Reading(reader, "a", True, verdicts={name: verdict, "strong": Verdict("strong", "reject")})


def test_what_two_readers_add_at_one_place_is_one_lesion_in_the_middle():
    truth = of(added("ann", "x", 100.0, 8.0), added("ben", "y", 104.0, 10.0))
    (lesion,) = truth.lesions
    assert (lesion.finding.centre_mm, lesion.finding.diameter_mm, lesion.how) == ((102.0, 0.0, 0.0), 9.0, "added")


def test_what_one_of_three_adds_is_no_lesion_for_the_others_looked_there():
    truth = of(added("ann", "x", 100.0), reading("ben", strong="reject"), reading("cat", strong="reject"))
    assert truth.lesions == ()


def test_a_redrawn_finding_has_the_place_and_size_of_the_reader():
    verdict = Verdict("strong", "accept", (1.0, 0.0, 0.0), 12.0, resized=True)
    truth = of(Reading("ann", "a", True, verdicts={"strong": verdict}))
    (lesion,) = truth.lesions
    assert (lesion.finding.diameter_mm, lesion.finding.score, lesion.how) == (12.0, 0.9, "resized")
