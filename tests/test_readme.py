"""The README says nothing that is not there: its Python runs, its commands parse, its tree and links exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from lesionkit.cli.main import VERBS, app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].split()[1:] for line in lines if line.startswith("lesionkit ")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_names_a_verb_and_only_options_that_it_has(words):
    verbs = get_command(app)
    command = verbs.get_command(verbs.make_context("lesionkit", [], resilient_parsing=True), words[0])
    rest = words[1:]
    while getattr(command, "commands", None):
        assert rest[0] in command.commands
        command, rest = command.commands[rest[0]], rest[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("-")} <= options


def test_the_table_of_verbs_names_every_verb():
    table = README.split("## The verbs")[1].split("## ")[0]
    assert all(re.search(rf"`{verb}\b", table) for verb in VERBS)


def test_the_tree_names_every_room():
    tree = README.split("## The tree")[1]
    rooms = {folder.name for folder in (ROOT / "src/lesionkit").iterdir() if (folder / "__init__.py").is_file()}
    assert set(re.findall(r"^  (\w+)/", tree, flags=re.MULTILINE)) == rooms
    assert all((ROOT / folder).is_dir() for folder in re.findall(r"^(\w+)/", tree, flags=re.MULTILINE))


def test_links_lead_somewhere():
    targets = re.findall(r"(?<!!)\[[^\]]*\]\(([^)]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).is_file()] == []


def test_the_python_lines_score_tables_without_torch(tmp_path):
    place = "seriesuid,coordX,coordY,coordZ"
    (tmp_path / "seriesuids.csv").write_text("a\nb\n")
    (tmp_path / "annotations.csv").write_text(f"{place},diameter_mm\na,1,2,3,10\nb,9,9,9,10\n")
    (tmp_path / "annotations_excluded.csv").write_text(f"{place},diameter_mm\nb,0,0,0,-1\n")
    (tmp_path / "submission.csv").write_text(f"{place},probability\na,1,2,4,0.9\nb,9,9,8,0.9\nb,0,0,1,0.8\n")
    (script,) = blocks("python")
    end = "\nimport sys\nassert 'torch' not in sys.modules\n"
    done = subprocess.run([sys.executable, "-c", script + end], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "CPM 1.000, 95 % interval 1.000 to 1.000\n"
