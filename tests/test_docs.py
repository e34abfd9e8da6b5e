"""The documents say nothing that is not there: every command parses and names what exists, and the quick ones run.

`python benchmarks/run_docs.py` runs all that are marked, `make docs` builds the site."""

import importlib.util
import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.recipes import RECIPES, load_recipe
from lesionkit.recipes.formats import FORMATS
from lesionkit.runs.settings_file import resolve

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("run_docs", ROOT / "benchmarks" / "run_docs.py")
run_docs = importlib.util.module_from_spec(_SPEC)
sys.modules["run_docs"] = run_docs
_SPEC.loader.exec_module(run_docs)

PAGES = run_docs.pages()
BLOCKS = [block for page in PAGES for block in run_docs.blocks(page)]
COMMANDS = sorted(
    {(block.page, command) for block in BLOCKS for command in block.commands if command[:9] == "lesionkit"}
)
PHANTOMS = {"ct": "ct.phantom:PhantomCt", "xray": "xray.phantom:PhantomXray", "slide": "slide.phantom:PhantomSlide"}


def words_of(command: str) -> list[str]:
    words = shlex.split(command)[1:]
    return words[: words.index(">")] if ">" in words else words


def parsed(words: list[str]):
    """The context in which the command line would run a command; it ends the test where that does not parse."""
    root = get_command(app)
    context = root.make_context("lesionkit", [], resilient_parsing=True)
    command = root.get_command(context, words[0])
    rest = words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        context = command.context_class(command, info_name=rest[0], parent=context)
        command, rest = command.commands[rest[0]], rest[1:]
    return command.make_context(words[0], list(rest), parent=context)


def settings_of(words: list[str], context):
    given = context.params.get("recipe")
    if words[0] == "phantom":
        module, name = PHANTOMS[words[1]].split(":")
        return getattr(importlib.import_module(f"lesionkit.recipes.{module}"), name)
    return load_recipe(given).settings


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {command}" for page, command in COMMANDS])
def test_a_command_parses_and_its_names_exist(page, command):
    words = words_of(command)
    if any(word.startswith("[") or word in ("FORMAT", "VERB") for word in words):
        return  # a form, not a command
    context = parsed(words)
    recipe = context.params.get("recipe") or (words[2] if words[:2] == ["recipes", "show"] else None)
    assert recipe is None or recipe in RECIPES
    assert context.params.get("to") is None or words[0] != "export" or context.params["to"] in FORMATS
    if context.params.get("assign"):
        settings = settings_of(words, context)
        resolve(settings(), (), _assigned(context.params["assign"]))


def _assigned(texts):
    from lesionkit.cli.options import assignments

    return assignments(texts)


def test_every_block_with_a_command_says_whether_it_is_run_or_why_not():
    bare = [
        f"{block.page}: {block.text.splitlines()[0]}"
        for block in BLOCKS
        if block.language in ("bash", "console", "sh") and not re.fullmatch(r"run|run: quick|not run: .+", block.mark)
    ]
    assert bare == []


def test_settings_that_the_text_names_exist():
    known = set()
    for name in RECIPES:
        known |= _names(load_recipe(name).settings().model_dump())
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(
            r"(?:`|--set )((?:learn|infer|split|net|draw|sample|score|decide|engine)\.[a-z_.]+)(?=[=`])", text
        ):
            assert name in known or name.endswith((".py", ".json")), f"{page.name}: there is no setting {name}"


def _names(values, prefix="") -> set[str]:
    found = set()
    for name, value in values.items():
        found.add(f"{prefix}{name}")
        if isinstance(value, dict):
            found |= _names(value, f"{prefix}{name}.")
    return found


def test_files_and_targets_of_other_commands_exist():
    makefile = (ROOT / "Makefile").read_text()
    for block in BLOCKS:
        for command in block.commands:
            words = command.split()
            if words[:1] == ["make"] and len(words) > 1:
                assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), command
            if words[:1] == ["python"] and words[1].endswith(".py"):
                assert (ROOT / words[1]).is_file(), command


QUICK = sorted({block.page for block in BLOCKS if block.mark == "run: quick"})


@pytest.mark.parametrize("page", QUICK)
def test_quick_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    for block in run_docs.blocks(ROOT / "docs" / page):
        for command in block.commands if block.mark == "run: quick" else ():
            if not command.startswith("lesionkit"):
                assert os.system(command) == 0
                continue
            done = CliRunner().invoke(app, words_of(command))
            assert done.exit_code == 0, f"{command}\n{done.output}"
            if ">" in command:
                Path(command.split(">")[1].strip()).write_text(done.stdout)
                assert isinstance(yaml.safe_load(done.stdout), dict)
    if page == "metrics.md":
        assert json.loads((tmp_path / "score/score.json").read_text())["figures"]["cpm"]["value"] == 0.5


def test_every_page_is_in_the_navigation_of_the_site():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = set(re.findall(r"[\w/.-]+\.md", json.dumps(site["nav"])))
    written = {str(page.relative_to(ROOT / "docs")) for page in PAGES}
    assert written <= listed
    elsewhere = {"reference/commands.md", "review.md"}  # made by the site, or not written yet
    elsewhere |= {f"reference/{name}.md" for name in RECIPES}
    assert {page for page in listed - written if not page.startswith("project/")} <= elsewhere


def test_links_of_the_documents_lead_somewhere():
    taken = {"reference/commands.md", *(f"reference/{name}.md" for name in RECIPES)}
    for page in PAGES:
        for target in re.findall(r"(?<!!)\[[^\]\n]*\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            inside = path.relative_to(ROOT / "docs").as_posix() if path.is_relative_to(ROOT / "docs") else ""
            assert path.exists() or inside in taken, f"{page.name}: {target}"
