"""A ball lies where it was found, whatever way the slices of the series run."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.write.handed.conftest import MAKER

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Plane
from lesionkit.core.lesion import Candidate
from lesionkit.write.handed.balls import discs_of, labels_of

ORIENTATIONS = [
    np.eye(3)[list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
"""World directions of growing column, row and slice index, as rows."""


def planes_of(axes: np.ndarray, spacing=(2.5, 0.7, 0.8), shape=(9, 16, 14), shear: float = 0.0) -> list[Plane]:
    """Slices whose numbers grow along the third axis, each drawn aside by `shear` mm along its rows."""
    across, down, normal = axes
    starts = [np.array([10.0, -20.0, 30.0]) + i * (spacing[0] * normal + shear * down) for i in range(shape[0])]
    where = (tuple(np.concatenate([across, down])), spacing[1:])
    return [Plane(Path(f"{i}.dcm"), 0, shape[1:], tuple(start), *where) for i, start in enumerate(starts)]


def handed(*found: Candidate) -> Balls:
    return Balls(
        case_id="a",
        patient_id="p",
        path=Path("a"),
        lesion="nodule",
        maker=MAKER,
        case=lambda: None,
        planes=lambda: (),
        grid=None,
        balls=found,
    )


def painted_on(found: Balls, planes: list[Plane]) -> dict[int, np.ndarray]:
    return labels_of(discs_of(found, planes), planes)


def centroid_mm(painted: dict[int, np.ndarray], planes: list[Plane], label: int) -> np.ndarray:
    """World position of the middle of what has a label."""
    places = []
    for number, labels in painted.items():
        plane = planes[number]
        for row, column in np.argwhere(labels == label):
            steps = column * plane.spacing_mm[1], row * plane.spacing_mm[0]
            places.append(
                np.array(plane.position_mm)
                + steps[0] * np.array(plane.orientation[:3])
                + steps[1] * np.array(plane.orientation[3:])
            )
    return np.mean(places, axis=0)


@given(
    axes=st.sampled_from(ORIENTATIONS),
    where=st.tuples(st.floats(1, 7), st.floats(4, 11), st.floats(4, 9)),
    diameter=st.floats(0.1, 5.5),
    tilt=st.sampled_from([0.0, 0.3, -0.6]),
    turn=st.sampled_from([0.0, 0.2]),
)
@settings(max_examples=150, deadline=None)
def test_the_middle_of_a_ball_is_less_than_half_a_voxel_from_where_it_was_found(axes, where, diameter, tilt, turn):
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    axes = axes @ rotation
    planes, (depth, row, column) = planes_of(axes, shear=tilt), where
    centre = (
        np.array(planes[0].position_mm)
        + column * 0.8 * axes[0]
        + row * 0.7 * axes[1]
        + depth * (2.5 * axes[2] + tilt * axes[1])
    )
    painted = painted_on(handed(Candidate(tuple(centre), 0.9, diameter)), planes)
    error = axes @ (centroid_mm(painted, planes, 1) - centre)
    assert (np.abs(error) <= np.array([0.8, 0.7, 2.5]) / 2 + 1e-6).all()


def test_every_of_the_48_orientations_is_tried():
    assert len({axes.tobytes() for axes in ORIENTATIONS}) == 48


def test_a_ball_of_two_slices_covers_no_third():
    planes = planes_of(np.eye(3))
    painted = painted_on(handed(Candidate((15.6, -14.4, 35.0 + 1.25), 0.9, 4.0)), planes)
    assert sorted(painted) == [2, 3]
    assert painted[2].sum() == painted[3].sum() > 4


def test_a_ball_smaller_than_a_sample_covers_one():
    painted = painted_on(handed(Candidate((10.0 + 7 * 0.8 + 0.3, -20.0, 30.0), 0.9, 0.01)), planes_of(np.eye(3)))
    assert [np.argwhere(labels).tolist() for labels in painted.values()] == [[[0, 7]]]


def test_a_sample_in_two_balls_belongs_to_the_nearer_measured_in_radii():
    large, small = Candidate((15.6, -14.4, 40.0), 0.9, 9.0), Candidate((17.2, -14.4, 40.0), 0.5, 1.7)
    labels = painted_on(handed(large, small), planes_of(np.eye(3)))[4]
    assert (labels[8, 7], labels[8, 9], labels[8, 11]) == (1, 2, 1)


def test_a_ball_outside_of_the_slices_is_refused():
    with pytest.raises(LesionkitError, match=r"finding 1 at \(500.0, 0.0, 0.0\) mm lies outside of the images"):
        painted_on(handed(Candidate((500.0, 0.0, 0.0), 0.9, 4.0)), planes_of(np.eye(3)))


def test_a_slice_without_a_place_is_refused():
    with pytest.raises(LesionkitError, match="a slice needs ImagePositionPatient"):
        painted_on(handed(Candidate((0.0, 0.0, 0.0), 0.9, 4.0)), [Plane(Path("a.dcm"), 0, (4, 4))])
