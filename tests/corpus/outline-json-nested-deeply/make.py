"""Brackets within brackets."""


def make(folder):
    (folder / "a.geojson").write_text("[" * 100_000)
