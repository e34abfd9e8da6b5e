"""The command line: which verb lives where, and what a user sees when something goes wrong.

Exit codes: 0 all done · 2 it cannot be done, one sentence says why · 3 some cases failed and the rest are done ·
130 interrupted. A bug shows its trace; LESIONKIT_DEBUG=1 shows the trace of every error.
"""

import difflib
import errno
import importlib
import io
import os
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lesionkit.core.errors import LesionkitError

VERBS = {
    "run": "lesionkit.cli.run:command",
    "info": "lesionkit.cli.info:command",
    "index": "lesionkit.cli.index:command",
    "prepare": "lesionkit.cli.prepare:command",
    "train": "lesionkit.cli.train:command",
    "mine": "lesionkit.cli.mine:command",
    "find": "lesionkit.cli.find:command",
    "report": "lesionkit.cli.report:command",
    "measure": "lesionkit.cli.measure:command",
    "export": "lesionkit.cli.export:command",
    "view": "lesionkit.cli.view:command",
    "review": "lesionkit.cli.review:app",
    "evaluate": "lesionkit.cli.evaluate:command",
    "send": "lesionkit.cli.send:command",
    "listen": "lesionkit.cli.listen:command",
    "bank": "lesionkit.cli.bank:command",
    "phantom": "lesionkit.cli.phantom:app",
    "recipes": "lesionkit.cli.recipes:app",
    "models": "lesionkit.cli.models:app",
    "cache": "lesionkit.cli.cache:app",
    "status": "lesionkit.cli.status:command",
    "doctor": "lesionkit.cli.doctor:command",
    "sweep": "lesionkit.cli.sweep:command",
}
"""Verb -> "module:attribute"; a function is one command, a Typer app is a group of them."""

INTERRUPTED = 130
UNUSABLE = 2


class LazyVerbs(TyperGroup):
    """The verbs, each imported when it is named; and the one place where errors become sentences."""

    # The types of a context differ between the ranges of typer that we accept.
    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs in the order of the flow."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a verb; an unknown one ends with a suggestion."""
        if cmd_name in VERBS:
            module, attribute = VERBS[cmd_name].split(":")
            return _as_command(getattr(importlib.import_module(module), attribute))
        if not cmd_name.startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(cmd_name, VERBS, n=1)
            cure = f"did you mean '{close[0]}'?" if close else f"there is {', '.join(VERBS)}"
            ctx.fail(f"unknown verb '{cmd_name}'; {cure}")
        return None

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; print what the user can mend as one sentence."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            sentence, code = str(error) or "interrupted; run the same command again to resume", INTERRUPTED
            _show_trace_if_asked()
        except (LesionkitError, OSError, MemoryError) as error:
            sentence, code = _sentence(error), UNUSABLE
            _show_trace_if_asked()
        typer.echo(f"lesionkit: {sentence}", err=True)
        raise typer.Exit(code)


app = typer.Typer(
    cls=LazyVerbs,
    help="Find lesions in medical images: from raw files to a scored, illustrated report.",
    epilog="Start with 'lesionkit find SCAN --out RUN'. Research use only; not a medical device.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from lesionkit import __version__

        typer.echo(f"lesionkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    # The options before the verb; the help text is that of the app.
    del version


def main() -> None:
    """Entry point of the `lesionkit` command."""
    # What libraries find odd in the files of others is for us to tell, in sentences.
    warnings.filterwarnings("ignore", module=r"(pydicom|PIL)\b")
    # A terminal that cannot show a letter, or a file name of bytes that are no letters, must not end a verb.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()


def _as_command(attribute: Any) -> Any:
    if not isinstance(attribute, typer.Typer):
        function = attribute
        attribute = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        attribute.command()(function)
    return _with_examples(typer.main.get_command(attribute))


def _with_examples(command: Any) -> Any:
    """Move the paragraph "Examples:" of the docstring below the options, its lines kept as they are."""
    text, found, examples = (command.help or "").partition("Examples:\n")
    if found:
        command.help, command.epilog = text.strip(), f"\b\nExamples:\n{examples.rstrip()}"
    for part in getattr(command, "commands", {}).values():
        _with_examples(part)
    return command


def _sentence(error: BaseException) -> str:
    if isinstance(error, BrokenPipeError):
        # Whoever read our output went away; that is not an error of ours to explain.
        raise error
    if isinstance(error, MemoryError):
        return "out of memory; lower engine.workers or learn.batch (--set), or close other programs"
    if not isinstance(error, OSError):
        return " ".join(str(error).split())
    where = f" {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full, cannot write{where}; free some space and run the same command again to resume"
    return f"cannot read or write{where}: {error.strerror or error}; check the path and its permissions"


def _show_trace_if_asked() -> None:
    if os.environ.get("LESIONKIT_DEBUG", "") not in ("", "0"):
        import traceback

        traceback.print_exc()
