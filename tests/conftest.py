"""What tests of every room share: how hard hypothesis tries, grids of any orientation, a data set and a model of no
skill."""

import importlib.util
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
    from lesionkit.phantoms.ct.chest import CtPhantomSettings
    from lesionkit.recipes.ct.phantom import PhantomCt, make_phantoms

    phantom = CtPhantomSettings(size="small", nodule_count=(2, 2), healthy_share=0.2)
    out = tmp_path_factory.mktemp("chests") / "data"
    make_phantoms(out, 6, 1, PhantomCt(phantom=phantom, patients=5, engine=EngineSettings(backend="here")))
    return out


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A detector with random weights that believes in a few places of every scan; it knows slices of 1 to 3 mm."""
    import torch

    from lesionkit.nets.nodule_net import NoduleNet
    from lesionkit.nets.nodule_net_settings import NoduleNetSettings
    from lesionkit.nets.weights import save_model
    from lesionkit.recipes.ct.settings import CtNodule

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


_SLIDE_SIDE = 384
_STAINS = {"glass": (243, 241, 244), "tissue": (214, 150, 196), "tumour": (122, 84, 150)}


def draw_radiograph(seed: int, positive: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grey picture of 64 × 64 pixels with two lungs, the mask of a black corner at the top of one, and the lungs."""
    rng = np.random.default_rng(seed)
    image, lung, lesion = np.full((64, 64), 150.0), np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    lung[8:56, 6:28] = lung[8:56, 36:58] = True
    image[lung] = 90
    if positive:
        left = int(rng.choice([6, 36]))
        lesion[8 : 8 + int(rng.integers(16, 32)), left : left + 16] = True
        image[lesion] = 10
    image += rng.normal(0, 4, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), lesion, lung


@pytest.fixture(scope="session")
def radiographs(tmp_path_factory) -> Path:
    """Eighteen radiographs x00 … x17 in SIIM's layout with lung masks; every other one is positive, x00 and x02 are of
    one patient."""
    from lesionkit.core.case import Case
    from lesionkit.core.image import ArrayImage
    from lesionkit.write.radiograph import write_radiograph
    from lesionkit.write.siim import write_image_patients, write_mask, write_siim_table

    data = tmp_path_factory.mktemp("radiographs") / "data"
    masks, patients = {}, {}
    for number in range(18):
        name = f"x{number:02d}"
        image, lesion, lung = draw_radiograph(number, positive=number % 2 == 0)
        patient = "p00" if number in (0, 2) else f"p{number:02d}"
        case = Case(name, patient, ArrayImage(Grid.upright((64, 64), (1, 1)), image))
        write_radiograph(case, data / "dicom" / f"{name}.dcm")
        write_mask(data / "lungs" / f"{name}.png", lung)
        masks[name], patients[name] = [lesion], case.patient_id
    write_siim_table(data / "train-rle.csv", masks)
    write_image_patients(data / "patients.csv", patients)
    return data


@pytest.fixture(scope="session")
def tiny_xray() -> dict[str, dict[str, object]]:
    """Changes of settings with which a recipe for radiographs takes seconds."""
    return {
        "net": {"architecture": "unet", "encoder": "tu-test_resnet", "pretrained": False},
        "learn": {"side": 64, "epochs": 2, "checkpoints": 1, "batch": 4, "precision": "32-true"}
        | {"device": "cpu", "workers": 0},
        "split": {"folds": 2, "every_fold": True, "shares": [0.4, 0.35, 0.25]},
        "infer": {"precision": "fp32", "device": "cpu"},
        "score": {"bootstrap": 20},
        "engine": {"backend": "here"},
    }


@pytest.fixture(scope="session")
def xray_run(radiographs, tiny_xray, tmp_path_factory) -> Path:
    """A finished run of xray-pneumothorax on `radiographs`."""
    import os

    from lesionkit.recipes import load_recipe
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.settings_file import change

    recipe = load_recipe("xray-pneumothorax")
    settings = change(recipe.settings(), tiny_xray)
    out = tmp_path_factory.mktemp("xray-run") / "run"
    before = os.environ.get("LESIONKIT_CACHE")
    os.environ["LESIONKIT_CACHE"] = str(out.parent / "cache")
    with open_run(out, recipe.name, settings, {"data": radiographs}) as run:
        recipe.run(run, radiographs, settings)
    os.environ.pop("LESIONKIT_CACHE") if before is None else os.environ.update({"LESIONKIT_CACHE": before})
    return out


def paint_slide(seed: int, has_tumour: bool) -> tuple[np.ndarray, np.ndarray]:
    """RGB of 384 x 384 pixels at 1 µm: a piece of tissue, and in half of them a square of tumour; and its mask."""
    rng = np.random.default_rng(seed)
    colours = np.empty((_SLIDE_SIDE, _SLIDE_SIDE, 3), np.float32)
    colours[:] = _STAINS["glass"]
    colours[32:352, 32:352] = _STAINS["tissue"]
    mask = np.zeros((_SLIDE_SIDE, _SLIDE_SIDE), bool)
    if has_tumour:
        row, column = rng.integers(64, 128, 2) // 16 * 16
        mask[row : row + 192, column : column + 192] = True
        colours[mask] = _STAINS["tumour"]
    colours += rng.normal(0, 6, colours.shape)
    return np.clip(colours, 0, 250).astype(np.uint8), mask


@pytest.fixture(scope="session")
def slides(tmp_path_factory) -> Path:
    """Eight slides of eight patients at 1 µm per pixel, a … h: the first four with a square of tumour, with masks at
    1/16 and a table of labels."""
    from lesionkit.core.grid import Grid
    from lesionkit.core.image import ArrayImage
    from lesionkit.write.pyramid import PyramidSettings, write_pyramid
    from lesionkit.write.siim import write_mask
    from lesionkit.write.slide_truth import write_slide_labels, write_slide_patients

    data = tmp_path_factory.mktemp("slide-set") / "data"
    labels = {name: name in "abcd" for name in "abcdefgh"}
    for seed, (name, has_tumour) in enumerate(labels.items()):
        colours, mask = paint_slide(seed, has_tumour)
        grid = Grid.upright(colours.shape[:2], (0.001, 0.001), (0.0005, 0.0005))
        write_pyramid(ArrayImage(grid, colours), data / "slides" / f"{name}.tif", PyramidSettings(coarsest=192))
        if has_tumour:
            write_mask(data / "masks" / f"{name}.png", mask[8::16, 8::16])
    write_slide_labels(data / "labels.csv", labels)
    write_slide_patients(data / "patients.csv", {name: f"patient-{name}" for name in labels})
    return data


@pytest.fixture(scope="session")
def make_bundle():
    """make_bundle(folder, name, …): a MONAI bundle of zeros, as the corpus makes them."""
    file = Path(__file__).parent / "corpus" / "makers" / "bundles.py"
    spec = importlib.util.spec_from_file_location("bundles_of_the_corpus", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.bundle
