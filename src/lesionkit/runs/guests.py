"""Models that others trained, as files: which file stands for one, zips unpacked safely, and those that were added.

A MONAI bundle is a folder, or a zip of one, with `configs/` and `models/model.pt`; that file stands for it. A model in
TorchScript or ONNX has a `lesionkit.yaml` beside it, which stands for it. What `lesionkit models add` was given lies in
`models/` of the cache, one folder each.
"""

import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lesionkit.core.cache_root import cache_root
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text

DESCRIPTION = "lesionkit.yaml"
WEIGHTS = Path("models", "model.pt")
ADDED = "added.json"
_CONFIGS = ("inference.json", "inference.yaml", "inference.yml", "metadata.json")
_SCRIPTS = (".pt", ".pth", ".ts", ".onnx")
_MOST_BYTES = 8 << 30
"""That a zip may unpack to; the bundles that are run have 0.1 GB."""


def guest_file(path: Path) -> Path | None:
    """The file that stands for a model of others; None where a path is something else.

    Args:
        path: a bundle, as folder or zip; a folder with a `lesionkit.yaml`, that file, or the model beside it.

    Raises:
        LesionkitError: a bundle without weights, weights without a bundle, a zip that is damaged or not safe.
    """
    if path.is_file() and path.suffix == ".zip":
        path = unpacked(path)
    if path.is_dir():
        return _of_folder(path)
    if path.name == DESCRIPTION or (path.suffix in (".yaml", ".yml") and path.is_file()):
        return path
    if path.suffix not in _SCRIPTS or not path.is_file():
        return None
    if (path.parent / DESCRIPTION).is_file():
        return path.parent / DESCRIPTION
    if _is_bundle(path.parent.parent):
        return path
    raise LesionkitError(
        f"{path} holds a network that does not say what it is shown; give the folder of its MONAI bundle, or write a "
        f"{DESCRIPTION} beside it (kind, file, spacing, intensity, output)"
    )


def _of_folder(folder: Path) -> Path | None:
    inner = [one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith((".", "__"))]
    # A zip of a bundle holds the bundle's folder.
    candidates: list[Path] = [folder, *(inner if len(inner) == 1 else [])]
    for here in candidates:
        if (here / DESCRIPTION).is_file():
            return here / DESCRIPTION
        if _is_bundle(here):
            if not (here / WEIGHTS).is_file():
                raise LesionkitError(
                    f"the bundle {here} has no {WEIGHTS.as_posix()}: its weights are not there; download them too, as "
                    f"by 'python -m monai.bundle download {here.name}'"
                )
            return here / WEIGHTS
    return None


def _is_bundle(folder: Path) -> bool:
    return any((folder / "configs" / name).is_file() for name in _CONFIGS)


def unpacked(archive: Path) -> Path:
    """The folder that a zip was unpacked to, below the cache; once for each content.

    Raises:
        LesionkitError: it is no zip, is damaged, or holds names that lead out of it, links, or too much.
    """
    folder = models_root() / ".unpacked" / _digest(archive)[:16]
    if folder.is_dir():
        return folder
    try:
        with zipfile.ZipFile(archive) as held:
            members = [member for member in held.infolist() if not member.is_dir()]
            for member in members:
                _refuse_outside(archive, member)
            if sum(member.file_size for member in members) > _MOST_BYTES:
                raise LesionkitError(f"{archive} must unpack to at most {_MOST_BYTES >> 30} GB; is it a model?")
            with replacing(folder) as temporary:
                for member in members:
                    target = temporary / member.filename
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with held.open(member) as source, target.open("wb") as out:
                        shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise LesionkitError(
            f"{archive} must be a zip of a model, but is damaged ({error}); download it again"
        ) from error
    return folder


def _refuse_outside(archive: Path, member: zipfile.ZipInfo) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    leads_out = name.is_absolute() or ".." in name.parts or ":" in name.parts[0]
    if leads_out or stat.S_ISLNK(member.external_attr >> 16):
        raise LesionkitError(
            f"{archive} must hold plain files below one folder, got '{member.filename}', which leads out of it; "
            "nothing was unpacked"
        )


def models_root() -> Path:
    """Where added models lie."""
    return cache_root() / "models"


def added_models() -> dict[str, Path]:
    """Name -> folder of the models that were added."""
    root = models_root()
    if not root.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(root.iterdir()) if (folder / ADDED).is_file()}


def remember(source: Path, files: Mapping[str, Path], name: str, facts: Mapping[str, Any]) -> Path:
    """Copy the files of a model into the folder of added ones, in one step.

    Args:
        source: where it came from, for the sentence.
        files: name in the folder -> file.
        facts: what is known of it, with "sha256"; adding the same again does nothing.

    Raises:
        LesionkitError: another model has the name.
    """
    folder = models_root() / name
    if (folder / ADDED).is_file():
        known = json.loads((folder / ADDED).read_text(encoding="utf-8"))
        if known.get("sha256") == facts["sha256"]:
            return folder
        raise LesionkitError(f"another model was added as '{name}' before; add {source} under another --name")
    with replacing(folder) as temporary:
        for inside, file in files.items():
            target = temporary / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        write_text(temporary / ADDED, json.dumps(dict(facts), indent=1) + "\n")
    return folder


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
