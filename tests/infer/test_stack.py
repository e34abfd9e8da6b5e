import numpy as np
import pytest
from scipy.optimize import minimize

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.stack import StackSettings, fit_stack, stack_features


def networks(n_images: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Three networks: one knows something, one knows a little, one says the opposite."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n_images) < 0.4
    noise = rng.normal(size=(n_images, 3)) * (1.0, 2.0, 1.5)
    logit = noise + (2 * truth[:, None] - 1) * (1.0, 0.5, -0.5)
    return 1 / (1 + np.exp(-logit)), truth, [f"patient {n // 2}" for n in range(n_images)]


def cross_entropy(p, truth) -> float:
    return float(-np.mean(np.log(np.where(truth, p, 1 - p))))


def test_three_networks_make_seven_features():
    features = stack_features([[0.1, 0.5, 0.7]])
    np.testing.assert_allclose(features, [[0.1, 0.5, 0.7, 1.3 / 3, -0.2, -0.1, 0.3]])


def test_without_a_penalty_the_stack_is_plain_logistic_regression():
    p, truth, _ = networks()
    stack = fit_stack(p, truth, [str(n) for n in range(len(p))], StackSettings(folds=2, ridge=1e-9))
    fold = np.random.default_rng(48).permutation(np.arange(len(p)) % 2)
    inside = np.array(sorted(range(len(p)), key=str))  # patients are ranked as text
    seen = np.empty(len(p), bool)
    seen[inside] = fold != 0

    def loss(w):
        z = p[seen] @ w[:-1] + w[-1]
        return np.mean(np.logaddexp(0, z) - truth[seen] * z)

    w = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7}).x
    plain = 1 / (1 + np.exp(-(p[~seen] @ w[:-1] + w[-1])))
    np.testing.assert_allclose(stack.out_of_fold[~seen], plain, atol=2e-3)


def test_the_stack_beats_each_network_and_their_mean_on_patients_it_has_not_seen():
    p, truth, patients = networks()
    stack = fit_stack(p, truth, patients)
    alone = [cross_entropy(column, truth) for column in (*p.T, p.mean(axis=1))]
    assert cross_entropy(stack.out_of_fold, truth) < min(alone)
    fresh, fresh_truth, _ = networks(seed=1)
    assert cross_entropy(stack.predict(fresh), fresh_truth) < min(alone)


def test_a_network_that_says_the_opposite_is_turned_round():
    p, truth, patients = networks()
    stack = fit_stack(p, truth, patients)
    low, high = stack.predict([[0.5, 0.5, 0.9], [0.5, 0.5, 0.1]])
    assert low < 0.5 < high


def test_out_of_fold_probabilities_do_not_know_the_truth_of_their_own_image():
    p, truth, patients = networks(60)
    changed = truth.copy()
    changed[:2] = ~changed[:2]  # both images of the first patient
    first, second = (fit_stack(p, t, patients).out_of_fold for t in (truth, changed))
    np.testing.assert_allclose(first[:2], second[:2], atol=1e-9)
    assert not np.allclose(first, second)


def test_a_perfect_network_gives_finite_coefficients():
    truth = np.arange(20) % 2 == 0
    stack = fit_stack(truth[:, None].astype(float), truth, [str(n) for n in range(20)])
    assert np.isfinite(stack.coefficients).all()
    assert ((stack.out_of_fold > 0.5) == truth).all()


def test_another_number_of_networks_is_refused():
    stack = fit_stack(*networks(60))
    with pytest.raises(LesionkitError, match="fitted on 3 networks, got probabilities of 2"):
        stack.predict([[0.5, 0.5]])


def test_logits_are_refused():
    with pytest.raises(LesionkitError, match=r"probabilities 0..1 of \(images, networks\).*values -3..0.5"):
        stack_features([[-3.0, 0.5]])


def test_lengths_must_agree():
    with pytest.raises(LesionkitError, match="a truth and a patient, got 2, 1 and 2 of them"):
        fit_stack([[0.5], [0.5]], [True], ["a", "b"])


def test_more_folds_than_patients_are_refused():
    with pytest.raises(LesionkitError, match="5 folds need as many patients, got 2"):
        fit_stack([[0.5], [0.5]], [True, False], ["a", "b"])


def test_truth_of_one_kind_teaches_nothing():
    with pytest.raises(LesionkitError, match="without fold 0 all are of one kind"):
        fit_stack(np.full((10, 1), 0.5), np.ones(10), [str(n) for n in range(10)])
