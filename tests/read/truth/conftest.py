"""SEG and RTSTRUCT as other programs write them, small and made by hand."""

from pathlib import Path
from types import SimpleNamespace

import highdicom as hd
import numpy as np
import pytest
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

SERIES = "1.2.826.0.1.3680043.8.498.1"


def make_slices(
    shape=(12, 32, 32), spacing=(2.0, 1.5, 1.5), origin=(-20.0, 10.0, 100.0), orientation=(1, 0, 0, 0, 1, 0)
) -> list[Dataset]:
    """Headers and pixels of a CT series."""
    rows, columns = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal, frame, study = np.cross(rows, columns), generate_uid(), generate_uid()
    found = []
    for z in range(shape[0]):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = CTImageStorage
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, SERIES, frame
        image.PatientID, image.PatientName, image.PatientBirthDate, image.PatientSex = "P1", "P^1", "", "O"
        image.StudyID, image.StudyDate, image.StudyTime, image.AccessionNumber = "1", "20200101", "120000", ""
        image.ReferringPhysicianName, image.Manufacturer, image.Modality = "", "", "CT"
        image.SeriesNumber, image.InstanceNumber = 1, z + 1
        image.ImagePositionPatient = [round(float(v), 6) for v in np.array(origin) + normal * spacing[0] * z]
        image.ImageOrientationPatient = [float(v) for v in orientation]
        image.PixelSpacing, image.SliceThickness = [spacing[1], spacing[2]], spacing[0]
        image.Rows, image.Columns, image.SamplesPerPixel = shape[1], shape[2], 1
        image.PhotometricInterpretation, image.BitsAllocated, image.BitsStored = "MONOCHROME2", 16, 16
        image.HighBit, image.PixelRepresentation, image.RescaleSlope, image.RescaleIntercept = 15, 1, 1, 0
        image.PixelData = np.full(shape[1:], -1000 + z, np.int16).tobytes()
        found.append(image)
    return found


def write_slices(folder: Path, slices: list[Dataset]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(slices):
        image.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return folder


def write_seg(path: Path, slices: list[Dataset], masks: dict[str, np.ndarray], algorithm="MANUAL", **more) -> Path:
    """A SEG with a segment per mask (z, y, x); its name tells the code: nodule, or an organ."""
    kind = {"nodule": codes.SCT.Nodule, "lung": codes.SCT.Lung}
    abnormal, organ = codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Organ
    program = hd.AlgorithmIdentificationSequence("x", codes.DCM.ArtificialIntelligence, "1")
    tracked = more.pop("tracked", False)
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=abnormal if name.startswith("nodule") else organ,
            segmented_property_type=CodedConcept(*kind[name.split()[0]][:3]),
            algorithm_type=algorithm,
            algorithm_identification=None if algorithm == "MANUAL" else program,
            tracking_uid=generate_uid() if tracked else None,
            tracking_id=name if tracked else None,
        )
        for number, name in enumerate(masks, start=1)
    ]
    labels = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for number, mask in enumerate(masks.values(), start=1):
        labels[mask] = number
    seg = hd.seg.Segmentation(
        source_images=slices,
        pixel_array=labels,
        segmentation_type=more.pop("kind", "BINARY"),
        segment_descriptions=segments,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="1",
        device_serial_number="1",
        **more,
    )
    seg.save_as(path)
    return path


def write_rtstruct(path: Path, regions: dict[str, list[np.ndarray]], points: tuple[str, ...] = ()) -> Path:
    """An RTSTRUCT with regions of contours (n, 3) in mm."""

    def of(**words) -> Dataset:
        made = Dataset()
        made.update(words)
        return made

    data = of(SOPClassUID=RTStructureSetStorage, SOPInstanceUID=generate_uid(), Modality="RTSTRUCT", PatientID="P1")
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    series = of(SeriesInstanceUID=SERIES, ContourImageSequence=[])
    study = of(ReferencedSOPInstanceUID=generate_uid(), RTReferencedSeriesSequence=[series])
    frame = of(FrameOfReferenceUID=generate_uid(), RTReferencedStudySequence=[study])
    data.ReferencedFrameOfReferenceSequence = [frame]
    data.StructureSetROISequence = [of(ROINumber=n, ROIName=name) for n, name in enumerate(regions, 1)]
    data.RTROIObservationsSequence = []
    data.ROIContourSequence = [
        of(
            ReferencedROINumber=number,
            ContourSequence=[
                of(
                    ContourGeometricType="POINT" if name in points else "CLOSED_PLANAR",
                    NumberOfContourPoints=len(contour),
                    ContourData=[f"{value:.4f}" for value in contour.ravel()],
                )
                for contour in contours
            ],
        )
        for number, (name, contours) in enumerate(regions.items(), 1)
    ]
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def drawn():
    """The functions of this file, by name."""
    names = (make_slices, write_slices, write_seg, write_rtstruct)
    return SimpleNamespace(SERIES=SERIES, **{function.__name__: function for function in names})
