"""Run the notebooks of examples/ and store their outputs, or check that they run.

    python benchmarks/notebooks.py                       # store
    python benchmarks/notebooks.py --check               # run them in memory only; `make examples` does
    python benchmarks/notebooks.py chest_ct.ipynb

Prints a line per notebook with its seconds and size. A cell that fails, or says something on stderr, ends it with 1.
"""

import argparse
import re
import sys
import time
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
MOST_BYTES = 300_000
SECONDS = 600


def run(path: Path, store: bool) -> None:
    """Execute a notebook in a kernel of its own, with warnings as errors."""
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    start = time.monotonic()
    # Files instead of ports: a kernel that listens on a port says that others could read along.
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
    client = NotebookClient(notebook, km=kernel, timeout=SECONDS, startup_timeout=SECONDS, record_timing=False)
    client.owns_km = True  # so that it ends the kernel
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                sys.exit(f"{path.name}: a cell says: {output['text'][-500:]}")
            if "text/html" in output.get("data", {}):
                # matplotlib draws new identifiers each time; the picture itself is what is shown.
                output["data"]["text/plain"] = re.sub(r"0x[0-9a-f]+", "0x…", output["data"]["text/plain"])[:200]
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    size = len(nbformat.writes(notebook).encode())
    print(f"{time.monotonic() - start:6.1f} s  {size / 1000:5.0f} kB  {path.name}")
    if size > MOST_BYTES:
        sys.exit(f"{path.name} has {size / 1000:.0f} kB, and at most {MOST_BYTES / 1000:.0f} are wanted")
    if store:
        nbformat.write(notebook, path)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of examples/; all")
    parser.add_argument("--check", action="store_true", help="store nothing")
    asked = parser.parse_args()
    for path in [EXAMPLES / name for name in asked.names] or sorted(EXAMPLES.glob("*.ipynb")):
        run(path, store=not asked.check)


if __name__ == "__main__":
    main()
