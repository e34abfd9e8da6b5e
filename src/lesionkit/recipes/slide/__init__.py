"""Metastases in whole slides of lymph nodes."""
