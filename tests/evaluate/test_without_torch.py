import subprocess
import sys

SCRIPT = """
import importlib, pkgutil, sys
import lesionkit.evaluate
for module in pkgutil.iter_modules(lesionkit.evaluate.__path__):
    importlib.import_module(f"lesionkit.evaluate.{module.name}")
import lesionkit.recipes.score_camelyon, lesionkit.recipes.score_files
heavy = {"torch", "lightning", "monai", "SimpleITK", "pydicom"} & set(sys.modules)
sys.exit(f"imported {sorted(heavy)}" if heavy else 0)
"""


def test_scores_are_computed_without_torch_and_readers_of_images() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
