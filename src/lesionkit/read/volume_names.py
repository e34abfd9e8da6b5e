"""What files of volumes are called; nothing that reads them is loaded."""

from pathlib import Path

FORMATS = {
    ".nii.gz": "nifti",
    ".nii": "nifti",
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
}
SUFFIXES = tuple(FORMATS)
"""What is read, longest first."""


def volume_suffix(path: Path) -> str | None:
    """The suffix of a volume file, ".nii.gz" taken as one; None for any other file.

    >>> volume_suffix(Path("a.NII.gz"))
    '.nii.gz'
    """
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
