"""Six small chests that are dealt to learn, validate and test, and what a recipe makes of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.core.files import write_text

NAMES = [f"ct-phantom-{number:05d}" for number in range(1, 7)]
PARTS = {"train": [NAMES[0], *NAMES[3:]], "validation": [NAMES[1]], "test": [NAMES[2]]}


def lesionkit(*words: object) -> str:
    """What a command that must succeed says."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def refusal(*words: object) -> str:
    """What a command that must be refused says."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 2, result.output
    return result.output


@contextmanager
def run_on(chests: Path, folder: Path, recipe: str, settings: str, *words: object) -> Iterator[str]:
    """What `lesionkit run` says of a recipe with settings (YAML), in `folder`/run on `folder`/data; while it is entered
    the folder's own cache is used.
    """
    data = folder / "data"
    data.mkdir()
    for one in chests.iterdir():
        (data / one.name).symlink_to(one)
    (data / "splits.json").unlink(missing_ok=True)
    write_text(data / "splits.json", json.dumps(PARTS))
    write_text(folder / "tiny.yaml", settings)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LESIONKIT_CACHE", str(folder / "cache"))
        yield lesionkit("run", recipe, data, "--out", folder / "run", "--config", folder / "tiny.yaml", *words)
