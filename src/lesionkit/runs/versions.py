"""What a run was made with: versions of Python, of us and of what we stand on."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import lesionkit

PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "lightning",
    "SimpleITK",
    "pydicom",
    "scikit-image",
    "connected-components-3d",
    "blosc2",
    "pandas",
    "pyarrow",
    "pydantic",
    "safetensors",
    "matplotlib",
)
"""Distributions that can change a result. Their versions are read without importing them."""


def versions() -> dict[str, str]:
    """Name -> version, with "commit" where the sources lie in a git checkout ("+" where they were changed)."""
    found = {"lesionkit": lesionkit.__version__, "python": platform.python_version(), "platform": platform.platform()}
    commit = _commit()
    if commit:
        found["commit"] = commit
    for name in PACKAGES:
        found[name] = installed_version(name) or "missing"
    return found


def installed_version(name: str) -> str | None:
    """The version of an installed distribution, None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    root = Path(lesionkit.__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain", "--", "src") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
