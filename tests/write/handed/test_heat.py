from dataclasses import replace

import numpy as np
import pytest
import tifffile
import zarr

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.handed.heat import (
    write_tiff_of_mask,
    write_tiff_of_outlines,
    write_zarr_of_mask,
    write_zarr_of_outlines,
)


def moves(dataset: dict) -> tuple[list[float], list[float]]:
    scale, translation = dataset["coordinateTransformations"]
    return scale["scale"], translation["translation"]


def test_a_map_lies_on_its_slide(outlined, tmp_path):
    (path,) = write_zarr_of_outlines(outlined, tmp_path)
    group = zarr.open_group(path, mode="r")
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    assert [axis["unit"] for axis in ome["multiscales"][0]["axes"]] == ["micrometer"] * 2
    # Cells of 4 µm, whose first middle is 2 µm from the corner, 1.75 from the middle of a pixel of 0.5 µm.
    assert moves(ome["multiscales"][0]["datasets"][0]) == ([pytest.approx(4)] * 2, [pytest.approx(1.75)] * 2)
    assert group["0"][2, 3] == 0.75
    assert group["0"].metadata.dimension_names == ("y", "x")


def test_coarser_levels_cover_the_same_place(outlined, tmp_path):
    cells = Grid.upright((600, 1025), (0.004, 0.004), (0.002, 0.002))
    large = replace(outlined, heat=lambda: ArrayImage(cells, np.ones((600, 1025), np.float32)))
    group = zarr.open_group(write_zarr_of_outlines(large, tmp_path)[0], mode="r")
    assert [group[name].shape for name in "012"] == [(600, 1025), (300, 513), (150, 257)]
    told = [moves(dataset) for dataset in group.attrs["ome"]["multiscales"][0]["datasets"]]
    # The left edge of the first sample stays where it is.
    assert [round(start[0] - scale[0] / 2, 6) for scale, start in told] == [-0.25] * 3
    with tifffile.TiffFile(write_tiff_of_outlines(large, tmp_path)[0]) as file:
        assert file.is_ome
        assert [level.shape for level in file.series[0].levels] == [(600, 1025), (300, 513), (150, 257)]
        assert 'PhysicalSizeX="4.0"' in file.ome_metadata
        assert file.asarray().max() == 255


def test_the_map_of_a_radiograph_has_its_spacing_where_that_is_known(radiograph, tmp_path):
    group = zarr.open_group(write_zarr_of_mask(radiograph, tmp_path)[0], mode="r")
    assert moves(group.attrs["ome"]["multiscales"][0]["datasets"][0])[0] == [500.0, 500.0]
    unknown = replace(radiograph, planes=tuple)
    group = zarr.open_group(write_zarr_of_mask(unknown, tmp_path / "b")[0], mode="r")
    assert "unit" not in group.attrs["ome"]["multiscales"][0]["axes"][0]
    with tifffile.TiffFile(write_tiff_of_mask(unknown, tmp_path)[0]) as file:
        assert "PhysicalSizeX=" not in file.ome_metadata
