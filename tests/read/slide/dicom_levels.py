"""A whole slide as DICOM instances, one per level, uncompressed and tiled."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, VLWholeSlideMicroscopyImageStorage

UM, TILE, SERIES = 0.5, 64, "2.25.11"
_FRAME, _STUDY = "2.25.12", "2.25.13"


def write_dicom_levels(folder: Path, finest: NDArray[np.uint8], factors: tuple[int, ...] = (1, 2)) -> Path:
    """Write a folder of levels of an RGB image at 0.5 µm per pixel; returns the file of the finest."""
    folder.mkdir(parents=True)
    for number, factor in enumerate(factors):
        _level(finest[::factor, ::factor], factor, number).save_as(
            folder / f"level{number}.dcm", enforce_file_format=True
        )
    return folder / "level0.dcm"


def _item(**tags: object) -> Dataset:
    made = Dataset()
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _level(pixels: NDArray[np.uint8], factor: int, number: int) -> Dataset:
    rows, columns = pixels.shape[:2]
    spacing = UM * factor / 1000
    made = _item(
        SOPClassUID=VLWholeSlideMicroscopyImageStorage,
        SOPInstanceUID=f"2.25.2{number}",
        StudyInstanceUID=_STUDY,
        SeriesInstanceUID=SERIES,
        FrameOfReferenceUID=_FRAME,
        PositionReferenceIndicator="SLIDE_CORNER",
        ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE" if number == 0 else "RESAMPLED"],
        Modality="SM",
        PatientID="patient",
        PatientName="patient^",
        PatientBirthDate="",
        PatientSex="",
        StudyID="1",
        StudyDate="20260101",
        StudyTime="000000",
        AccessionNumber="",
        ReferringPhysicianName="",
        SeriesNumber=1,
        InstanceNumber=number + 1,
        Manufacturer="phantom",
        ManufacturerModelName="phantom",
        DeviceSerialNumber="1",
        SoftwareVersions="1",
        ContentDate="20260101",
        ContentTime="000000",
        AcquisitionDateTime="20260101000000",
        VolumetricProperties="VOLUME",
        BurnedInAnnotation="NO",
        LossyImageCompression="00",
        SpecimenLabelInImage="NO",
        FocusMethod="AUTO",
        ExtendedDepthOfField="NO",
        ContainerIdentifier="slide",
        IssuerOfTheContainerIdentifierSequence=Sequence(),
        ContainerTypeCodeSequence=Sequence([_code("433466003", "SCT", "Microscope slide")]),
        AcquisitionContextSequence=Sequence(),
        SpecimenDescriptionSequence=Sequence(
            [
                _item(
                    SpecimenIdentifier="specimen",
                    SpecimenUID="2.25.14",
                    IssuerOfTheSpecimenIdentifierSequence=Sequence(),
                    SpecimenPreparationSequence=Sequence(),
                )
            ]
        ),
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        Rows=TILE,
        Columns=TILE,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        TotalPixelMatrixRows=rows,
        TotalPixelMatrixColumns=columns,
        TotalPixelMatrixFocalPlanes=1,
        NumberOfOpticalPaths=1,
        ImagedVolumeWidth=columns * spacing,
        ImagedVolumeHeight=rows * spacing,
        ImagedVolumeDepth=1.0,
        ImageOrientationSlide=[0, -1, 0, -1, 0, 0],
        TotalPixelMatrixOriginSequence=Sequence(
            [_item(XOffsetInSlideCoordinateSystem=20.0, YOffsetInSlideCoordinateSystem=40.0)]
        ),
        DimensionOrganizationType="TILED_FULL",
        DimensionOrganizationSequence=Sequence([_item(DimensionOrganizationUID="2.25.15")]),
        OpticalPathSequence=Sequence(
            [
                _item(
                    OpticalPathIdentifier="1",
                    IlluminationTypeCodeSequence=Sequence([_code("111744", "DCM", "Brightfield illumination")]),
                    IlluminationColorCodeSequence=Sequence([_code("371251000", "SCT", "White color")]),
                    ICCProfile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
                )
            ]
        ),
        SharedFunctionalGroupsSequence=Sequence(
            [
                _item(
                    PixelMeasuresSequence=Sequence([_item(PixelSpacing=[spacing, spacing], SliceThickness=0.001)]),
                    OpticalPathIdentificationSequence=Sequence([_item(OpticalPathIdentifier="1")]),
                    WholeSlideMicroscopyImageFrameTypeSequence=Sequence(
                        [_item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])]
                    ),
                )
            ]
        ),
    )
    tiles = [
        pixels[row : row + TILE, column : column + TILE]
        for row in range(0, rows, TILE)
        for column in range(0, columns, TILE)
    ]
    made.NumberOfFrames = len(tiles)
    made.PixelData = b"".join(
        np.pad(tile, [(0, TILE - tile.shape[0]), (0, TILE - tile.shape[1]), (0, 0)]).tobytes() for tile in tiles
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made
