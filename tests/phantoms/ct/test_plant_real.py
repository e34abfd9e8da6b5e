import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, TransplantSettings
from lesionkit.phantoms.ct.plant_real import insert_real_nodules, plant_real
from lesionkit.phantoms.ct.real_nodule import RealNodule

SHAPE = (48, 48, 48)
GRID = Grid.upright(SHAPE, (1.0, 1.0, 1.0))
LUNG = np.zeros(SHAPE, bool)
LUNG[4:44, 4:44, 4:44] = True


def chest():
    return np.where(LUNG, np.float32(-850), np.float32(40))


def ball_nodule(radius=3):
    side = 2 * radius + 9
    z, y, x = np.ogrid[:side, :side, :side]
    mask = (z - side // 2) ** 2 + (y - side // 2) ** 2 + (x - side // 2) ** 2 <= radius**2
    return RealNodule(np.where(mask, 30, -850).astype(np.int16), mask, 2.0 * radius, "n", "p", 5)


def test_nodules_are_planted_in_the_lung_and_the_truth_says_where():
    hu, lesions = plant_real(
        chest(), LUNG, GRID, (), np.random.default_rng(1), NoduleBank((ball_nodule(),)), TransplantSettings(), 3
    )
    assert lesions
    for lesion in lesions:
        z, y, x = np.rint(GRID.world_to_index(lesion.centre_mm)).astype(int)
        assert LUNG[z, y, x]
        assert hu[z, y, x] > -100
        assert lesion.facts["nodule"] == "n"


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_nodule_never_hides_a_true_lesion(seed):
    known = Lesion((24.0, 24.0, 24.0), 16.0)
    _, lesions = plant_real(
        *(chest(), LUNG, GRID, [known], np.random.default_rng(seed)),
        *(NoduleBank((ball_nodule(),)), TransplantSettings(scale=(1.0, 1.0)), 3),
    )
    places = [known, *lesions]
    for n, one in enumerate(places):
        for other in places[:n]:
            apart = np.linalg.norm(np.subtract(one.centre_mm, other.centre_mm))
            assert apart > one.radius_mm + other.radius_mm


def test_the_same_seed_plants_the_same():
    bank, settings = NoduleBank((ball_nodule(), ball_nodule(2))), TransplantSettings()
    one, two = (plant_real(chest(), LUNG, GRID, (), np.random.default_rng(5), bank, settings, 3) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1]


def test_a_scan_gets_its_nodules_as_truth_and_what_was_known_is_excluded():
    known = Lesion((24.0, 24.0, 24.0), 10.0)
    case = Case("c", "p", ArrayImage(GRID, chest().astype(np.int16)), truth=(known,))
    made = insert_real_nodules(case, LUNG, [ball_nodule(), ball_nodule(2)], 0, TransplantSettings())
    assert (len(made.truth), made.excluded) == (2, (known,))
    assert made.image.array.dtype == np.int16
    assert [lesion.lesion_id for lesion in made.truth] == ["inserted-1", "inserted-2"]


def test_a_nodule_larger_than_the_lung_finds_no_room():
    case = Case("c", "p", ArrayImage(GRID, chest().astype(np.int16)))
    with pytest.raises(LesionkitError, match="none of 1 nodules of up to 60 mm found room"):
        insert_real_nodules(case, LUNG, [ball_nodule(30)], 0, TransplantSettings())


def test_an_empty_lung_is_refused():
    case = Case("c", "p", ArrayImage(GRID, chest().astype(np.int16)))
    with pytest.raises(LesionkitError, match="non-empty mask"):
        insert_real_nodules(case, np.zeros(SHAPE, bool), [ball_nodule()], 0, TransplantSettings())
