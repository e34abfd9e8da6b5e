"""Scans on disk -> prepared cases, from the store where they are there already."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from lesionkit.core.case import Case
from lesionkit.prepare.case import prepare_ct
from lesionkit.prepare.store import Store
from lesionkit.read.scan import files_of_scan, open_scan
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.cache import cache_root
from lesionkit.runs.fingerprint import fingerprint


def open_native(path: Path, settings: CtNodule) -> Case:
    """A scan as it is on disk, with its shape among the facts so that it is still known after preparation."""
    case = open_scan(path, settings.read)
    return replace(case, facts={**case.facts, "path": str(path), "native_shape": list(case.image.grid.shape)})


def prepared_case(path: Path, settings: CtNodule) -> Case:
    """The prepared case of a scan: read from the store, or prepared and stored. Its images are read lazily.

    Raises:
        LesionkitError: the scan cannot be used.
    """
    store, key = Store(cache_root()), store_key(path, settings)
    return store.get(key) or store.put(key, prepare_ct(open_native(path, settings), settings.prepare))


def keep_prepared(path: Path, case: Case, settings: CtNodule) -> None:
    """Store a case that was prepared from `path` with these settings."""
    Store(cache_root()).put(store_key(path, settings), case)


def store_key(path: Path, settings: CtNodule) -> str:
    """Name in the store: what the files hold, how they are read, how they are prepared."""
    # The samples of an .mhd lie in a file beside it.
    beside = [path.with_suffix(end) for end in (".raw", ".zraw") if path.suffix.lower() == ".mhd"]
    files = [*files_of_scan(path), *beside]
    content = [str(fingerprint(file)["sha256"]) for file in files if file.exists()]
    return Store.key(" ".join([*content, settings.read.model_dump_json()]), settings.prepare)


def lung_facts(case: Case) -> dict[str, Any]:
    """The numbers of a prepared case's lungs under the names the report knows."""
    names = ("volume_l", "left_right_ratio", "cover_ratio", "preset", "failure")
    facts = {name: case.facts.get(f"lung_{name}") for name in names}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in facts.items()}
