"""Further inputs to begin from: truth and belief in the formats of other programs, of which few are in tests/corpus."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests"
Ask = Callable[[], tuple[Any, str]]


def truths() -> list[tuple[str, Callable[[Path], None], Ask]]:
    """Name of a seed, what makes it in an empty folder, what is asked there."""
    return [
        ("lidc", _lidc, _asked("truth.lidc", "read_lidc", "r.xml", _grid)),
        ("markups", _markups, _asked("truth.markups", "read_markups", "m.mrk.json")),
        ("markups-table", _fcsv, _asked("truth.markups", "read_markups", "m.fcsv")),
        ("seg", _seg, _asked("truth.dicom_seg", "read_seg", "s.dcm")),
        ("rtstruct", _rtstruct, _asked("truth.rtstruct", "read_rtstruct", "r.dcm")),
        ("label-map", _label_map, _asked("truth.label_map", "read_label_map", "l.nii")),
        ("coco", _coco, _asked("layout.coco", "read_coco", ".")),
        ("datalist", _datalist, _asked("layout.datalist", "read_datalist", ".")),
        ("boxes", _boxes, _asked("truth.boxes", "read_box_marks", "b.json")),
        ("heat-png", _heat("png"), _asked("slide.heat_map", "read_heat_maps", "h.png", lambda: {"um": 8.0})),
        ("heat-npy", _heat("npy"), _asked("slide.heat_map", "read_heat_maps", "h.npy", lambda: {"um": 8.0})),
        ("heat-tif", _heat("tif"), _asked("slide.heat_map", "read_heat_maps", "h.tif", lambda: {"um": 8.0})),
        ("siim", _text("t.csv", "ImageId, EncodedPixels\na, 3 2 5 4\nb, -1\n"), _siim),
        ("readings", _text("r.csv", "item,a,b\n1,0,1\n2,1,1\n3,0,0\n"), _readings),
        ("catalogue", _catalogue, _asked("catalogue", "read_catalogue", "c.parquet")),
        ("patches", _patches, _asked("patch_set", "read_patch_set", ".")),
        ("bank", _bank, _bank_asked),
        ("score", _score, _asked("score", "read_score", ".")),
    ]


def _asked(module: str, function: str, path: str, more: Callable[[], Any] | None = None) -> Ask:
    def ask() -> tuple[Any, str]:
        given = more() if more else {}
        words = given if isinstance(given, dict) else {"grid": given}
        found = getattr(importlib.import_module(f"lesionkit.read.{module}"), function)(Path(path), **words)
        return None, str(found)[:200]

    return ask


def _module(file: str) -> ModuleType:
    name = f"fuzz_{file.replace('/', '_')[:-3]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TESTS / file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _text(name: str, text: str) -> Callable[[Path], None]:
    return lambda work: (work / name).write_text(text, encoding="utf-8") and None


def _grid() -> Any:
    from lesionkit.core.grid import Grid

    return Grid.upright((5, 40, 40), (2.0, 1.0, 1.0), (0, 0, 100))


def _lidc(work: Path) -> None:
    made = _module("read/truth/test_lidc.py")
    session = f"<readingSession>{made.block(10, 20, 4)}{made.SMALL}{made.OTHER}</readingSession>"
    uids = "<SeriesInstanceUid>1.2</SeriesInstanceUid><StudyInstanceUID>1.1</StudyInstanceUID>"
    text = f"<LidcReadMessage><ResponseHeader>{uids}</ResponseHeader>{session * 4}</LidcReadMessage>"
    (work / "r.xml").write_text(text)


def _markups(work: Path) -> None:
    points = [{"id": "1", "label": "n", "position": [1.0, 2.0, 3.0]}, {"position": [4, 5, 6], "label": "m"}]
    markups = [
        {"type": "Fiducial", "coordinateSystem": "RAS", "controlPoints": points},
        {"type": "Line", "coordinateSystem": "LPS", "controlPoints": points},
        {"type": "ROI", "coordinateSystem": "LPS", "center": [1, 2, 3], "size": [4, 5, 6], "controlPoints": []},
    ]
    (work / "m.mrk.json").write_text(json.dumps({"markups": markups}))


def _fcsv(work: Path) -> None:
    head = (
        "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n# columns = id,x,y,z,ow,ox,oy,oz,vis,label\n"
    )
    (work / "m.fcsv").write_text(f"{head}1,1.0,2.0,3.0,0,0,0,1,1,n\n2,4,5,6,0,0,0,1,1,m\n")


def _seg(work: Path) -> None:
    import numpy as np

    made = _module("read/truth/conftest.py")
    mask = np.zeros((12, 32, 32), bool)
    mask[2:5, 4:9, 4:9] = mask[7:9, 20:24, 20:24] = True
    made.write_seg(work / "s.dcm", made.make_slices(), {"nodule": mask})


def _rtstruct(work: Path) -> None:
    contours = [_module("read/truth/test_rtstruct.py").square(z) for z in (0.0, 2.5, 5.0)]
    _module("read/truth/conftest.py").write_rtstruct(work / "r.dcm", {"GTV-1": contours, "Lung": contours})


def _label_map(work: Path) -> None:
    import nibabel
    import numpy as np

    labels = np.zeros((12, 12, 8), np.uint8)
    labels[2:5, 2:5, 2:5], labels[8:10, 8:10, 5:7] = 1, 2
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([1.0, 1.0, 2.0, 1.0])), work / "l.nii")


def _coco(work: Path) -> None:
    from lesionkit.core.mask import encode_rle_coco

    made = _module("read/layout/test_coco.py")
    coding = [encode_rle_coco(made.mask((2, 10), (5, 15)), compressed) for compressed in (False, True)]
    drawn = {"image_id": 0, "segmentation": [[5, 2, 15, 2, 15, 10, 5, 10]]}
    made.write(work, drawn, *({"image_id": 1, "segmentation": one, "iscrowd": 1} for one in coding))


def _datalist(work: Path) -> None:
    for name in ("a", "b"):
        (work / f"{name}.nii.gz").touch()
    training = [{"image": "a.nii.gz", "box": [[10.0, -20.0, 30.0, 6.0, 8.0, 10.0]], "label": [0], "fold": 1}]
    (work / "dataset.json").write_text(json.dumps({"training": training, "validation": [{"image": "b.nii.gz"}]}))


def _boxes(work: Path) -> None:
    found = [{"image": "a/1.2.nii.gz", "box": [[1.0, 2, 3, 4, 5, 6], [7, 8, 9, 1, 2, 3]], "label_scores": [0.5, 0.9]}]
    (work / "b.json").write_text(json.dumps({"validation": found}))


def _heat(kind: str) -> Callable[[Path], None]:
    def make(work: Path) -> None:
        import numpy as np
        import tifffile
        from PIL import Image

        cells = np.linspace(0, 1, 48).reshape(6, 8).astype(np.float32)
        if kind == "npy":
            np.save(work / "h.npy", cells)
        elif kind == "png":
            Image.fromarray((cells * 255).astype(np.uint8)).save(work / "h.png")
        else:
            tifffile.imwrite(work / "h.tif", cells, compression="deflate")

    return make


def _siim() -> tuple[Any, str]:
    from lesionkit.core.mask import decode_rle_siim
    from lesionkit.read.truth.siim import read_siim_table

    table = read_siim_table(Path("t.csv"))
    return None, str([decode_rle_siim(code, (8, 8)).sum() for code in table["encoded"]])


def _readings() -> tuple[Any, str]:
    from lesionkit.read.truth.readings import read_readings

    return None, str(read_readings(Path("r.csv")))


def _catalogue(work: Path) -> None:
    import pandas as pd

    from lesionkit.read.catalogue import failed_row, write_catalogue

    rows = [failed_row(Path(f"{name}.nii"), "it is damaged") for name in "ab"]
    write_catalogue(pd.DataFrame(rows), work / "c.parquet")


def _patches(work: Path) -> None:
    import numpy as np
    from PIL import Image

    for name in "abcd":
        Image.fromarray(np.full((96, 96, 3), 200, np.uint8)).save(work / f"{name}.png")
    (work / "labels.csv").write_text("id,label\na,0\nb,1\nc,0\nd,1\n")


def _bank(work: Path) -> None:
    import numpy as np

    from lesionkit.phantoms.ct.nodule_bank import NoduleBank, save_bank
    from lesionkit.phantoms.ct.real_nodule import RealNodule

    mask = np.zeros((24, 24, 24), bool)
    mask[9:15, 9:15, 9:15] = True
    nodule = RealNodule(np.where(mask, 40, -800).astype(np.int16), mask, 8.0, "n1", "p1", 5)
    save_bank(work / "bank", NoduleBank((nodule,)))


def _bank_asked() -> tuple[Any, str]:
    from lesionkit.phantoms.ct.nodule_bank import load_bank

    return None, str(len(load_bank(Path("bank"))))


def _score(work: Path) -> None:
    from lesionkit.evaluate.document import to_document, to_tables
    from lesionkit.evaluate.slides import score_slides
    from lesionkit.write.score import write_score

    score = score_slides({"a": True, "b": False, "c": True}, {"a": 0.9, "b": 0.2, "c": 0.4})
    write_score(work, to_document(score), to_tables(score))
