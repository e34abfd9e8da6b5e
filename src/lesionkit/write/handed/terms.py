"""The words of DICOM for what is looked for, and for what is said of it."""

from dataclasses import dataclass
from typing import Any

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lesionkit.core.handed import Handed, Maker
from lesionkit.core.lesion import Kind

MANUFACTURER = "lesionkit"
NOTICE = "Research use only; not a medical device."
RED = (200, 0, 0)


@dataclass(frozen=True)
class Term:
    """A lesion in the words of SNOMED CT.

    Attributes:
        type: what it is. category: of what sort (CID 7150). site: where it is.
    """

    type: Code
    category: Code
    site: Code


_ABNORMAL = codes.SCT.MorphologicallyAbnormalStructure

TERMS: dict[Kind, Term] = {
    "nodule": Term(codes.SCT.Nodule, _ABNORMAL, codes.SCT.Lung),
    "pneumothorax": Term(codes.SCT.Pneumothorax, _ABNORMAL, codes.SCT.PleuralMembraneStructure),
    "metastasis": Term(codes.SCT.NeoplasmMetastatic, _ABNORMAL, codes.SCT.LymphNode),
}


def equipment(maker: Maker) -> dict[str, Any]:
    """What wrote an object, in the words that highdicom asks for of every kind of it."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": f"lesionkit {maker.recipe}",
        "software_versions": maker.version,
        "device_serial_number": "0",
    }


def content(handed: Handed) -> dict[str, Any]:
    """What segments and annotations are of."""
    return {
        "content_label": handed.lesion.upper()[:16],
        "content_description": f"{handed.lesion} found by lesionkit",
    }


def found_by(handed: Handed, how: Any = "AUTOMATIC") -> dict[str, Any]:
    """What a segment or a group of annotations is of, where it lies, and what found it."""
    return {
        "algorithm_type": how,
        "algorithm_identification": algorithm(handed.maker),
        "anatomic_regions": [TERMS[handed.lesion].site],
        "display_color": colour(),
    }


def algorithm(maker: Maker) -> AlgorithmIdentificationSequence:
    """What found it, with the weights by their digests."""
    return AlgorithmIdentificationSequence(
        name=f"lesionkit {maker.recipe}",
        family=codes.DCM.ArtificialIntelligence,
        version=maker.version,
        source=MANUFACTURER,
        parameters=maker.parameters,
    )


def colour() -> CIELabColor:
    """Of lesions: the red of QuPath's class for tumour (sRGB 200, 0, 0)."""
    return CIELabColor(l_star=42.0, a_star=67.0, b_star=57.0)
