"""What is kept of a run and of a model: folders, settings files, fingerprints, versions, the shipped weights."""
