"""Synthetic H&E slides of lymph nodes with known metastases."""
