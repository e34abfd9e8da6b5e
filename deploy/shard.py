"""A share of the scans of an object store: fetched, searched on this machine, and what was found put back.

    python deploy/shard.py s3://archive/scans s3://archive/runs/first --shard 3 --of 100 --work /scratch/3 \
        [-- more words of lesionkit find]

Prefixes are whatever fsspec opens: s3:// (with s3fs installed), gs://, az://, sftp://, or a folder. Shares do not
overlap: entries right below the prefix are sorted, and every so-manieth is of a share. A share that is begun again
fetches what was found so far, and goes on; what is there is not fetched twice. Ends with the exit code of `lesionkit
find`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import fsspec

RUN = "shard-{shard:05d}-of-{of:05d}"


def shared_out(names: list[str], shard: int, of: int) -> list[str]:
    """The names of one share, from 0."""
    return sorted(names)[shard::of]


def fetch(scans: str, names: list[str], folder: Path) -> None:
    """Copy entries to a folder, each under another name until it is whole."""
    system, root = fsspec.core.url_to_fs(scans)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        there, part = folder / name, folder.parent / f"part-{name}"
        if not there.exists():
            system.get(f"{root}/{name}", str(part), recursive=system.isdir(f"{root}/{name}"))
            part.rename(there)


def main() -> int:
    """Fetch, search, put back."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("scans")
    words.add_argument("runs")
    words.add_argument("--shard", type=int, required=True, help="from 0")
    words.add_argument("--of", type=int, required=True)
    words.add_argument("--work", type=Path, required=True)
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    given, more = words.parse_args(sys.argv[1:cut]), sys.argv[cut + 1 :]
    if not 0 <= given.shard < given.of:
        words.error(f"--shard must lie in 0..{given.of - 1}, got {given.shard}")
    system, root = fsspec.core.url_to_fs(given.scans)
    if not system.isdir(root):
        words.error(f"{given.scans} must be a prefix with scans below it; there is none")
    names = shared_out([Path(entry).name for entry in system.ls(root, detail=False)], given.shard, given.of)
    run = RUN.format(shard=given.shard, of=given.of)
    target, place = fsspec.core.url_to_fs(given.runs)
    local = given.work / run
    if target.isdir(f"{place}/{run}") and not local.exists():
        target.get(f"{place}/{run}", str(local), recursive=True)
    fetch(given.scans, names, given.work / "scans")
    try:
        command = [sys.executable, "-m", "lesionkit", "find", str(given.work / "scans"), "--out", str(local)]
        return subprocess.run([*command, *more], check=False).returncode
    finally:
        if local.is_dir():
            target.makedirs(place, exist_ok=True)
            target.put(f"{local}/", f"{place}/{run}/", recursive=True)


if __name__ == "__main__":
    sys.exit(main())
