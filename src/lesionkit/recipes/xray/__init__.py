"""Pneumothorax on chest radiographs."""
