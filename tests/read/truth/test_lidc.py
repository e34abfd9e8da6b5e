import numpy as np
import pytest
import SimpleITK as sitk

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.dicom.scan import read_series
from lesionkit.read.truth.lidc import LidcSettings, read_lidc

GRID = Grid.upright((5, 40, 40), (2.0, 1.0, 1.0), (0, 0, 100))


def square(top, left, side):
    """The pixels around a block of side x side pixels whose first is (top, left)."""
    a, b, c, d = top - 1, left - 1, top + side, left + side
    corners = [(a, b), (a, d), (c, d), (c, b)]
    return "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for y, x in corners)


def roi(z, points, inclusion="TRUE"):
    return f"<roi><imageZposition>{z}</imageZposition><inclusion>{inclusion}</inclusion>{points}</roi>"


def nodule(*rois, malignancy=3, name="Nodule"):
    ratings = f"<characteristics><malignancy>{malignancy}</malignancy></characteristics>"
    return f"<unblindedReadNodule><noduleID>{name}</noduleID>{ratings}{''.join(rois)}</unblindedReadNodule>"


POINT = "<edgeMap><xCoord>5</xCoord><yCoord>6</yCoord></edgeMap>"
SMALL = f"<unblindedReadNodule><noduleID>small</noduleID>{roi(102, POINT)}</unblindedReadNodule>"
OTHER = (
    "<nonNodule><nonNoduleID>other</nonNoduleID><imageZposition>104</imageZposition>"
    "<locus><xCoord>7</xCoord><yCoord>8</yCoord></locus></nonNodule>"
)


@pytest.fixture
def read(tmp_path):
    def make(*sessions, namespace='xmlns="http://www.nih.gov"', **settings):
        readings = "".join(f"<readingSession>{content}</readingSession>" for content in sessions)
        uids = "<SeriesInstanceUid>1.2</SeriesInstanceUid><StudyInstanceUID>1.1</StudyInstanceUID>"
        header = f"<ResponseHeader>{uids}</ResponseHeader>"
        (tmp_path / "r.xml").write_text(f"<LidcReadMessage {namespace}>{header}{readings}</LidcReadMessage>")
        return read_lidc(tmp_path / "r.xml", GRID, LidcSettings(**settings))

    return make


def block(top, left, side, z=102):
    return nodule(roi(z, square(top, left, side)))


def test_the_outline_itself_does_not_belong_to_the_nodule(read):
    reading = read(block(10, 20, 4), block(10, 20, 4), "", "")
    mask = reading.paint(GRID.shape)
    assert mask.sum() == 16
    assert (mask[1, 10:14, 20:24] == 1).all()
    assert reading.lesions[0].centre_mm == (21.5, 11.5, 102)
    np.testing.assert_allclose(reading.lesions[0].diameter_mm, np.cbrt(6 * 16 * 2 / np.pi))


def test_an_outline_without_an_inside_counts_itself(read):
    thin = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>9</yCoord></edgeMap>" for x in (4, 5, 6))
    reading = read(*[nodule(roi(102, thin))] * 2)
    assert np.argwhere(reading.paint(GRID.shape)).tolist() == [[1, 9, 4], [1, 9, 5], [1, 9, 6]]


def test_an_exclusion_cuts_a_hole_outline_included(read):
    ring = nodule(roi(102, square(10, 10, 8)), roi(102, square(13, 13, 2), "FALSE"))
    assert read(ring, ring).paint(GRID.shape).sum() == 64 - 16


def test_a_voxel_needs_half_of_the_readers(read):
    # Columns 10..13, 11..14 and 12..15: two of four share columns 11..14.
    reading = read(block(10, 10, 4), block(10, 11, 4), block(10, 12, 4), "")
    mask = reading.paint(GRID.shape)
    assert sorted(set(np.argwhere(mask)[:, 2])) == [11, 12, 13, 14]
    facts = reading.lesions[0].facts
    assert (facts["votes"], facts["readers"]) == (3, [0, 1, 2])
    assert facts["volume_mm3"] == 32
    assert len(facts["diameters_mm"]) == 3


def test_ratings_stand_reader_by_reader(read):
    rated = [nodule(roi(102, square(10, 10, 4)), malignancy=m) for m in (5, 4, 1)]
    assert read(*rated, "").lesions[0].facts["malignancy"] == [5, 4, 1]


def test_what_fewer_outlined_is_excluded(read):
    reading = read(block(10, 10, 4), "", "", "")
    assert reading.lesions == ()
    assert reading.excluded[0].facts["why"] == "outlined by 1 of 4 readers"
    assert reading.excluded[0].centre_mm == (11.5, 11.5, 102)


def test_three_of_four_can_be_asked_for_as_in_luna16(read):
    two = [block(10, 10, 4), block(10, 10, 4), "", ""]
    assert len(read(*two).lesions) == 1
    assert len(read(*two, agreement=0.75).lesions) == 0


def test_two_outlines_of_one_reader_are_one_vote(read):
    reading = read(block(10, 10, 4) + block(11, 10, 4), "", "", "")
    assert reading.lesions == ()
    assert reading.excluded[0].facts["votes"] == 1


def test_outlines_that_do_not_touch_are_two_lesions(read):
    both = block(10, 10, 4) + block(10, 20, 4)
    reading = read(both, both, "", "")
    assert [lesion.lesion_id for lesion in reading.lesions] == ["1", "2"]
    assert sorted(np.unique(reading.paint(GRID.shape))) == [0, 1, 2]


def test_small_nodules_and_non_nodules_are_excluded_at_their_points(read):
    excluded = read(SMALL, OTHER, "", "").excluded
    assert [(e.centre_mm, e.diameter_mm, e.facts["why"]) for e in excluded] == [
        ((5, 6, 102), 0, "smaller than 3 mm"),
        ((7, 8, 104), 0, "non-nodule"),
    ]


def test_the_namespace_does_not_matter(read):
    assert len(read(block(10, 10, 4), block(10, 10, 4), namespace='xmlns="urn:other"').lesions) == 1
    assert len(read(block(10, 10, 4), block(10, 10, 4), namespace="").lesions) == 1


def test_a_feet_first_array_finds_the_same_slice(tmp_path, read):
    read(block(10, 10, 4), block(10, 10, 4))
    flipped = Grid(GRID.shape, GRID.spacing_mm, (0, 0, 108), ((0, 0, 1), (0, 1, 0), (-1, 0, 0)))
    lesion = read_lidc(tmp_path / "r.xml", flipped).lesions[0]
    assert lesion.centre_mm == (11.5, 11.5, 102)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (block(10, 10, 4, z=300), r"a mark at z = 300 mm lies outside the CT \(z = 100 … 108 mm\); do the reading"),
        (block(38, 10, 4), "the outline of 'Nodule' leaves the 40x40 slices"),
        (nodule("<roi><inclusion>TRUE</inclusion></roi>"), "damaged or incomplete .*roi without imageZposition"),
    ],
)
def test_marks_off_the_grid_and_incomplete_ones_are_refused(read, content, message):
    with pytest.raises(LesionkitError, match=message):
        read(content, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<LidcReadMessage>", "must be well-formed XML"),
        ("<IdriReadMessage/>", "is a LidcReadMessage, got IdriReadMessage; is it of a radiograph"),
        ("<LidcReadMessage/>", "damaged or incomplete"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]><LidcReadMessage>&a;</LidcReadMessage>', "must be well-formed XML, got Ent"),
    ],
)
def test_files_that_are_no_reading_are_refused(tmp_path, text, message):
    (tmp_path / "r.xml").write_text(text)
    with pytest.raises(LesionkitError, match=message):
        read_lidc(tmp_path / "r.xml", GRID)


def test_an_oblique_grid_is_refused(tmp_path, read):
    read(block(10, 10, 4))
    c, s = np.cos(0.2), np.sin(0.2)
    oblique = Grid(GRID.shape, GRID.spacing_mm, GRID.origin_mm, ((0, 0, 1), (-s, c, 0), (c, s, 0)))
    with pytest.raises(LesionkitError, match="need the axial CT they were drawn on, got an oblique grid"):
        read_lidc(tmp_path / "r.xml", oblique)


def test_the_real_reading_gives_the_published_mask_voxel_by_voxel(data):
    folder = data / "ct/LIDC-IDRI-0001"
    case = read_series(folder / "dicom")
    reading = read_lidc(folder / "069.xml", case.image.grid)
    assert reading.series_uid == case.case_id
    (lesion,) = reading.lesions
    np.testing.assert_allclose(lesion.centre_mm, [56.4, 86.34, -115.96], atol=0.01)
    assert round(lesion.diameter_mm, 1) == 23.4
    assert lesion.facts["votes"] == 4
    assert lesion.facts["malignancy"] == [5, 5, 5, 4]
    assert lesion.facts["volume_mm3"] == 6708.8
    assert lesion.facts["mean_diameter_mm"] == pytest.approx(23.35, abs=0.5)  # LUNA16's figure
    assert len(reading.excluded) == 9 + 13
    published = sitk.ReadImage(str(data / "ct/LIDC-IDRI-0001_nodules_consensus50.nii.gz"))
    np.testing.assert_array_equal(reading.paint(case.image.grid.shape), sitk.GetArrayViewFromImage(published))
