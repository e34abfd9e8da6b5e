"""The words of DICOM for what is looked for, and for what is said of it."""

from dataclasses import dataclass

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lesionkit.core.handed import Maker
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
