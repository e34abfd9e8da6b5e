"""The region proposal network of system 2: cubes of a few sizes at every fourth sample, and which of them hold what."""
