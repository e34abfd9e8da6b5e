"""A folder of a data set that is written for images which lie elsewhere."""

from pathlib import Path

from lesionkit.core.errors import LesionkitError


def link_image(path: Path, folder: Path) -> Path:
    """Put a link to an image into a folder; to its parent folder where it shares that with others.

    Returns:
        The link.

    Raises:
        LesionkitError: the folder holds another image of that name, or takes no links.
    """
    target = (path if path.exists() else path.parent).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / target.name
    # The samples of an .mhd lie in a file beside it.
    beside = [target.with_suffix(end) for end in (".raw", ".zraw") if target.suffix.lower() == ".mhd"]
    for source in (target, *(file for file in beside if file.is_file())):
        place = folder / source.name
        if place.is_symlink() and place.resolve() == source:
            continue
        try:
            place.symlink_to(source, target_is_directory=source.is_dir())
        except FileExistsError as error:
            raise LesionkitError(
                f"two images are called {source.name}: {place.resolve()} and {source}; rename one and search it again"
            ) from error
        except OSError as error:
            raise LesionkitError(
                f"cannot link {place} to {source}: {error.strerror or error}; choose another --out"
            ) from error
    return link
