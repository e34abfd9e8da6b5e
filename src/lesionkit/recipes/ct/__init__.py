"""Lung nodules in chest CT."""
