"""Whether a folder is a data set of another framework, and of which."""

from collections.abc import Sequence
from pathlib import Path

from lesionkit.read.layout.datalist import read_datalist
from lesionkit.read.layout.entry import ImageSet
from lesionkit.read.layout.nnunet import read_nnunet


def image_set(data: Path, lesion_labels: Sequence[str] = ()) -> ImageSet | None:
    """The images of a data set of nnU-Net, nnDetection, the Decathlon or MONAI; None for any other folder.

    Raises:
        LesionkitError: it is one, and cannot be used.
    """
    if not data.is_dir():
        return None
    return read_nnunet(data, lesion_labels) or read_datalist(data, lesion_labels)
