"""DICOM series -> a case."""
