"""Radiographs projected from CTs, with known pneumothoraces."""
