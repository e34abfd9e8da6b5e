"""What a verb must not load: an import is time and memory that everybody pays."""

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "lesionkit"
LOOK = "import sys; {}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"


def loaded_by(code: str) -> set[str]:
    """Packages that are there after some code has run in a fresh process."""
    done = subprocess.run([sys.executable, "-c", LOOK.format(code)], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_no_file_of_settings_loads_torch_so_that_a_config_is_read_at_once():
    files = sorted(SOURCE.rglob("*_settings.py"))
    names = [".".join(file.relative_to(SOURCE.parent).with_suffix("").parts) for file in files]
    assert len(names) > 10
    assert loaded_by(f"import {', '.join(names)}").isdisjoint({"torch", "lightning", "monai", "timm", "torchvision"})
