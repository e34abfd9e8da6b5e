"""What tests of every room share: how hard hypothesis tries, grids of any orientation, a data set and a model of no
skill."""

import itertools
from pathlib import Path

import numpy as np
import pytest
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


@pytest.fixture(scope="session")
def chests(tmp_path_factory) -> Path:
    """Six small synthetic chests, 00001 … 00006: two nodules each, but 00004 and 00005 are healthy; 00001 and 00006 are
    of one patient."""
    from lesionkit.engine.map import EngineSettings
    from lesionkit.phantoms.ct import CtPhantomSettings
    from lesionkit.recipes.phantom_ct import PhantomCt, make_phantoms

    phantom = CtPhantomSettings(size="small", nodule_count=(2, 2), healthy_share=0.2)
    out = tmp_path_factory.mktemp("chests") / "data"
    make_phantoms(out, 6, 1, PhantomCt(phantom=phantom, patients=5, engine=EngineSettings(backend="here")))
    return out


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A detector with random weights that believes in a few places of every scan; it knows slices of 1 to 3 mm."""
    import torch

    from lesionkit.nets.nodule_net import NoduleNet, NoduleNetSettings
    from lesionkit.nets.weights import save_model
    from lesionkit.recipes.ct_settings import CtNodule

    torch.manual_seed(0)
    tiny = NoduleNetSettings(channels=(16, 16, 16, 16), blocks=(1, 1, 1, 1))
    net = NoduleNet(tiny)
    torch.nn.init.normal_(net.head[1].weight, std=0.5)
    torch.nn.init.constant_(net.head[1].bias[:1], -3.0)
    settings = CtNodule(net=tiny).model_dump(mode="json")
    settings["infer"]["precision"] = "fp32"
    domain = {"slice_distance_mm": [1, 3], "kernels": ["B30f"]}
    folder = tmp_path_factory.mktemp("model")
    return save_model(folder / "random.safetensors", net, {"settings": settings, "domain": domain})
