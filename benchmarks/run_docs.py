"""Run every command of the documents that is marked to be run, page by page, on tiny phantoms.

    python benchmarks/run_docs.py            # all pages
    python benchmarks/run_docs.py tutorials/ct.md howto/compare.md

A block of ```bash has a mark on the line above: `<!-- run -->` or `<!-- run: quick -->` (the tests run it too), or
`<!-- not run: why -->`. The blocks of a page are run in order in one empty folder. Prints a line per command with its
seconds; ends with 1 where one failed.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SECONDS = 900
_FENCE = re.compile(r"(?:^<!-- ([^\n]*?) -->\n+)?^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        mark: "run", "run: quick", "not run: why", or "" where it has none.
        language: "bash", "python", "" …
    """

    page: str
    mark: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its lines as a shell would take them; a comment behind a command is left out, `$` before it too."""
        whole = self.text.replace("\\\n", " ").splitlines()
        lines = [re.sub(r"\s+#\s.*$", "", line).strip().removeprefix("$ ") for line in whole]
        return [" ".join(line.split()) for line in lines if line and not line.startswith("#")]

    @property
    def is_run(self) -> bool:
        return self.mark.split(":")[0] == "run"


def pages() -> list[Path]:
    """Every page that is written by hand."""
    return sorted(DOCS.rglob("*.md"))


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page in order."""
    for mark, language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        yield Block(str(page.relative_to(DOCS)), mark.strip(), language, text)


def run_page(page: Path, folder: Path) -> list[str]:
    """Run the marked blocks of a page in a folder; returns the commands that failed."""
    failed = []
    environment = os.environ | {"LESIONKIT_CACHE": str(folder / ".cache"), "COLUMNS": "100"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for block in blocks(page):
        for command in block.commands if block.is_run else ():
            start = time.monotonic()
            done = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
            )
            told = "ok" if done.returncode == 0 else f"FAILED ({done.returncode})"
            print(f"{time.monotonic() - start:7.1f} s  {told}  {block.page}: {shlex.join(shlex.split(command))}")
            if done.returncode:
                print(done.stdout[-2000:], done.stderr[-2000:], sep="\n")
                failed.append(command)
    return failed


def main() -> None:
    """See above."""
    wanted = [DOCS / name for name in sys.argv[1:]] or pages()
    failed = []
    for page in wanted:
        with tempfile.TemporaryDirectory() as folder:
            failed += run_page(page, Path(folder))
    print(f"{len(failed)} commands failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
