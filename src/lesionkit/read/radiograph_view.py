"""Is a radiograph a frontal chest? What its header says of body part and view."""

import re
import unicodedata

from pydicom.dataset import Dataset

from lesionkit.read.dicom.header import Header

_CHEST = re.compile(r"CHEST|THORA|TORA|LUNG|PULM|RIB|PNEUMO|BRUST|POUMON|PECTOR|CLAVIC|STERN|HEART|THX|CXR|TRUNK|BODY")
_ANY_PART = {"", "UNKNOWN", "UNDEFINED", "OTHER", "NONE", "NA", "N A"}
_FRONTAL = {"PA", "AP", "AP SUPINE", "AP ERECT", "PA ERECT", "FRONTAL", "ANTERO POSTERIOR", "POSTERO ANTERIOR"}
_SIDE = re.compile(r"\b(LL|RL|LAT|LATERAL|LLD|RLD|LLAT|RLAT|LLO|RLO|OBL|OBLIQUE|LAO|RAO|LPO|RPO|SEITLICH|PROFIL)\b")


def not_frontal(header: Header, tags: Dataset) -> list[str]:
    """Sentences where the header speaks of another body part than the chest, or of another view than from the front.

    A header that says nothing of either says nothing against it.
    """
    part = _plain(header.text("BodyPartExamined"))
    found = []
    if part not in _ANY_PART and not _CHEST.search(part):
        found.append(
            f"the file says that it shows {part} (BodyPartExamined): only frontal radiographs of a chest can be "
            "searched"
        )
    view = _view(header, tags)
    if view:
        found.append(f"the file says that it is no frontal view ({view}): only frontal radiographs can be searched")
    return found


def _view(header: Header, tags: Dataset) -> str:
    """Which words speak of another view: ViewPosition, else the view's code, else the descriptions."""
    position = _plain(str(tags.get("ViewPosition") or ""))
    if position:
        return "" if position in _FRONTAL or not _SIDE.search(position) else f"ViewPosition {position}"
    for code in tags.get("ViewCodeSequence") or ():
        meaning = _plain(str(code.get("CodeMeaning") or ""))
        if meaning:
            return f"view {meaning}" if _SIDE.search(meaning) else ""
    for keyword in ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"):
        text = _plain(str(tags.get(keyword) or ""))
        # One series may hold both views and be called after both.
        if _SIDE.search(text) and not re.search(r"\b(PA|AP|FRONTAL)\b", text):
            return f"{keyword} {text}"
    return ""


def _plain(text: str) -> str:
    """Capital letters and digits, other signs as single blanks."""
    simple = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    return " ".join(re.findall(r"[A-Z0-9]+", simple))
