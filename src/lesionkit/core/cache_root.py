"""Where prepared cases are kept between runs, and what was measured of this machine."""

import os
from pathlib import Path


def cache_root() -> Path:
    """The folder of the store: `LESIONKIT_CACHE`, else `~/.cache/lesionkit`."""
    given = os.environ.get("LESIONKIT_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "lesionkit"
