"""What the site takes from elsewhere: pages of the repository's root, and the help of every verb.

Links to files that are no page of the site are shown as the path of the file, so that no link leads nowhere.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
TAKEN = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "benchmarks/RESULTS.md": "project/results.md",
}
"""File of the repository -> page of the site."""
LATER = ("review.md", "scale.md")
"""Pages of the navigation that may be missing."""
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")
OUTSIDE = re.compile(
    r"""<(?:script|img|iframe|source|link)\b(?![^>]*rel="(?:canonical|next|prev)")[^>]*(?:src|href)="(?:https?:)?//"""
)
RECIPES_SHOWN = ("ct-nodule", "xray-pneumothorax", "slide-metastasis")
COMMANDS = "reference/commands.md"


def on_config(config: Any) -> Any:
    """Leave out of the navigation what is not written yet."""
    for section in config.nav:
        for name, entries in section.items():
            if isinstance(entries, list):
                section[name] = [one for one in entries if not _is_missing(next(iter(one.values())))]
    return config


def _is_missing(page: str) -> bool:
    return page in LATER and not (ROOT / "docs" / page).is_file()


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie elsewhere."""
    for source, page in TAKEN.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    files.append(File.generated(config, COMMANDS, content=commands_page()))
    for name in RECIPES_SHOWN:
        files.append(File.generated(config, f"reference/{name}.md", content=settings_page(name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links to files of the repository into links to pages, or into the path of the file."""
    place = page.file.src_uri
    source = next((name for name, taken in TAKEN.items() if taken == place), None)
    folder = PurePosixPath(source).parent if source else PurePosixPath("docs") / PurePosixPath(place).parent

    def turned(match: re.Match[str]) -> str:
        text, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        path = _plain(folder / target)
        if path.startswith("docs/") and files.get_file_from_path(path.removeprefix("docs/")):
            to = path.removeprefix("docs/")
        elif path in TAKEN:
            to = TAKEN[path]
        elif (ROOT / path).exists():
            return text if path in text else f"{text} (`{path}`)"
        else:
            return match.group(0)
        return f"[{text}]({_relative(to, place)}{anchor})"

    return LINK.sub(turned, markdown)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Refuse a page that would load something from a network."""
    found = OUTSIDE.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} loads something from outside: {found.group(0)}")
    return output


def commands_page() -> str:
    """Every verb with its help, as the command line prints it."""
    lines = ["# Commands", "", "As `lesionkit VERB --help` prints it.", ""]
    for words, text in _helps():
        lines += [f"## {' '.join(words)}", "", "```text", text.rstrip(), "```", ""]
    return "\n".join(lines)


def settings_page(recipe: str) -> str:
    """Every setting of a recipe with its default and its meaning, a section per group."""
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.settings_file import show

    lines = [
        f"# Settings of {recipe}",
        "",
        f"As `lesionkit recipes show {recipe}` prints them. `--set GROUP.NAME=VALUE`",
    ]
    lines += ["changes one, `--config FILE` takes a file of them.", ""]
    groups: list[tuple[str, list[str]]] = []
    said: list[str] = []
    for line in show(load_recipe(recipe).settings()).splitlines():
        top = re.match(r"(\w+):", line)
        if line.startswith("#") or not line:
            said.append(line)
            continue
        if top:
            groups.append((top.group(1), [text for text in said if text]))
            said = []
        groups[-1][1].extend([*said, line])
        said = []
    for name, text in groups:
        lines += [f"## {name}", "", "```yaml", *text, "```", ""]
    return "\n".join(lines)


def _helps() -> Iterator[tuple[list[str], str]]:
    from typer.main import get_command

    from lesionkit.cli.main import VERBS, app

    root: Any = get_command(app)
    context = root.make_context("lesionkit", [], resilient_parsing=True)
    for verb in VERBS:
        yield from _help_of(root.get_command(context, verb), context, [verb])


def _help_of(command: Any, parent: Any, words: list[str]) -> Iterator[tuple[list[str], str]]:
    context = command.context_class(
        command, info_name=words[-1], parent=parent, terminal_width=84, max_content_width=84
    )
    yield words, command.get_help(context)
    for name, part in getattr(command, "commands", {}).items():
        yield from _help_of(part, context, [*words, name])


def _plain(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _relative(to: str, place: str) -> str:
    up = len(PurePosixPath(place).parts) - 1
    return "../" * up + to
