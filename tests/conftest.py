"""What tests of every room share: how hard hypothesis tries, and grids of any orientation."""

import itertools

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lesionkit.core.grid import Grid

# Machines that run several things at once miss any deadline; examples are few because most laws read and write files.
settings.register_profile("lesionkit", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("lesionkit")


def _signed_permutations() -> list[np.ndarray]:
    """The 48 ways to lay three array axes along three world axes."""
    eye = np.eye(3)
    return [
        eye[:, order] * signs
        for order in itertools.permutations(range(3))
        for signs in itertools.product([1, -1], repeat=3)
    ]


@st.composite
def _grids(draw: st.DrawFn) -> Grid:
    """Small 3-D grids, turned any way, oblique and anisotropic."""
    matrix = draw(st.sampled_from(_signed_permutations()))
    angles = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    if draw(st.booleans()):
        matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ matrix
    spacing = draw(st.tuples(*[st.floats(0.1, 8)] * 3))
    origin = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    shape = draw(st.tuples(*[st.integers(1, 12)] * 3))
    return Grid(shape, spacing, origin, tuple(map(tuple, matrix.tolist())))


st.register_type_strategy(Grid, _grids())
