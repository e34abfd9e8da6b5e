"""What was found in each image of a run: one small JSON file per image, written last, so that a record means done."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.untrusted import reads

RECORDS = "cases"
_LONGEST = 200


def record_file(folder: Path, case_id: str) -> Path:
    """Where the record of an image lies in a run folder: one file per case id, whatever characters that has.

    >>> record_file(Path("run"), "../p1").as_posix()
    'run/cases/%2E.%2Fp1.json'
    """
    return folder / RECORDS / f"{file_name(case_id)}.json"


def file_name(case_id: str) -> str:
    """A name that any file system takes, one per case id.

    >>> file_name("a/b")
    'a%2Fb'
    """
    # "%" itself is quoted, so no two names meet; a name that begins with a dot would be hidden.
    name = quote(case_id, safe=" +,()=@", errors="surrogateescape")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(case_id.encode(errors='surrogateescape')).hexdigest()[:16]}"
    return name


def write_record(folder: Path, case_id: str, document: Mapping[str, Any]) -> Path:
    """Keep what was found in an image. Inverse of `read_record`."""
    return write_text(record_file(folder, case_id), json.dumps(document, indent=1, default=str) + "\n")


@reads("a record")
def read_record(file: Path) -> dict[str, Any]:
    """What was found in an image.

    Raises:
        LesionkitError: the record is damaged.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("it holds no entries")
    except (OSError, ValueError) as error:
        raise damaged(file, error) from error
    return document


def damaged(file: Path, error: Exception) -> LesionkitError:
    """The sentence on a record that cannot be used."""
    return LesionkitError(f"{file} is damaged ({error}); delete it and run the same command again")


def record_files(folder: Path) -> Iterator[Path]:
    """The records of a run folder, by name."""
    yield from sorted((folder / RECORDS).glob("*.json"))
