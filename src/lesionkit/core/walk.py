"""The files below a folder: links are followed once, hidden and trash folders are passed over."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_TRASH = {
    "$recycle.bin",
    "recycler",
    "#recycle",
    "@recycle",
    "trash",
    "lost+found",
    "system volume information",
    "__macosx",
    "@eadir",
}


@dataclass
class Walk:
    """What lies below a folder.

    Attributes:
        files: every file once, folder by folder, in order of their names.
        unreadable: links that lead nowhere and folders that cannot be opened -> why, in a few words.
    """

    files: list[Path] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)


def walk(folder: Path) -> Walk:
    """The files below a folder.

    Hidden files and folders (".…") and the trash folders of common systems are passed over. Links to folders and files
    are followed, also out of the folder, but nothing is visited twice: what lies there itself comes before what a link
    leads to, and a link to a folder above is a loop and not followed.
    """
    found = Walk()
    seen = {_identity(parent) for parent in Path(os.path.realpath(folder)).parents}
    waiting: list[Path] = [folder]
    files: list[Path] = []
    while waiting:
        links: list[Path] = []
        for place in waiting:
            if _identity(place) not in seen:
                _visit(place, found, seen, links)
        waiting = []
        for link in sorted(links):
            try:
                (waiting if link.is_dir() else files).append(link)
                _identity(link)
            except OSError as error:
                found.unreadable[link] = f"the link leads nowhere ({error.strerror or error})"
    _add_linked_files(found, [link for link in files if link not in found.unreadable])
    found.files.sort(key=lambda path: (path.parent, path.name))
    return found


def _visit(top: Path, found: Walk, seen: set[tuple[int, int]], links: list[Path]) -> None:
    """Everything below that is no link; those are put aside."""
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            seen.add(_identity(folder))
            entries = list(_visible(folder))
        except OSError as error:
            found.unreadable[folder] = error.strerror or str(error)
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink():
                links.append(path)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_file(follow_symlinks=False):
                found.files.append(path)


def _add_linked_files(found: Walk, links: list[Path]) -> None:
    """Files that only a link leads to, each under its first name."""
    seen = {_identity(path) for path in found.files} if links else set()
    for link in links:
        if (identity := _identity(link)) not in seen and link.is_file():
            seen.add(identity)
            found.files.append(link)


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from (e for e in entries if not e.name.startswith(".") and e.name.casefold() not in _TRASH)


def _identity(path: Path) -> tuple[int, int]:
    """Of what lies there, whatever it is called."""
    status = path.stat()
    return status.st_dev, status.st_ino
