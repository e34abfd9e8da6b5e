"""Options that several verbs share, so that they read alike everywhere."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

RecipeName: TypeAlias = Annotated[
    str, typer.Argument(metavar="RECIPE", help="Its name; 'lesionkit recipes' lists them.")
]
RecipeOption: TypeAlias = Annotated[
    str, typer.Option("--recipe", metavar="RECIPE", help="Which recipe's stages to use.")
]
Data: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DATA", help="Folder of images with their tables; the recipe says which.")
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="RUN", help="Run folder; new: runs/<recipe>/<date-time>. The same run resumes."
    ),
]
Config: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--config", metavar="FILE", help="Settings file as 'lesionkit recipes show' prints; repeatable."),
]
Assign: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="STAGE.FIELD=VALUE", help="Change one setting, after any --config; repeatable."),
]
Workers: TypeAlias = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Cases at the same time; default: as many as fit.")
]
Engine: TypeAlias = Annotated[
    str | None,
    typer.Option("--engine", metavar="NAME", help="serial, processes (default) or ray: one goes on where another was."),
]
Address: TypeAlias = Annotated[
    str | None,
    typer.Option("--address", metavar="auto|HOST:PORT", help="Ray cluster; default: RAY_ADDRESS, else this machine."),
]
SendTo: TypeAlias = Annotated[
    list[str],
    typer.Option("--to", metavar="ARCHIVE", help="dicomweb:URL, dimse:HOST:PORT/AET or dimse+tls:…; repeatable."),
]
Caller: TypeAlias = Annotated[str, typer.Option("--aet", metavar="AET", help="AE title of this machine.")]
Authority: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Certificates that sign for archives with TLS; default: those this machine trusts.",
    ),
]

WithIdentifiers: TypeAlias = Annotated[
    bool,
    typer.Option("--with-identifiers", help="Let pages and tables say which patient an image is of; else they do not."),
]
Reader: TypeAlias = Annotated[
    str | None, typer.Option("--reader", metavar="NAME", help="Who reads; default: the name of the user.")
]
Images: TypeAlias = Annotated[
    Path | None, typer.Option("--images", metavar="DIR", help="Where images lie now that were moved since the search.")
]


def reader_name(given: str | None) -> str:
    """Who reads: the name that was given, else that of the user.

    Raises:
        LesionkitError: nobody has a name here, or it is blank.
    """
    import getpass

    from lesionkit.core.errors import LesionkitError

    try:
        name = given if given is not None else getpass.getuser()
    except (OSError, KeyError):
        name = ""
    if not name.strip() or len(name) > 80:
        raise LesionkitError(f"a reader must have a name of 1 to 80 letters, got '{name[:80]}'; give --reader NAME")
    return name.strip()


def on_engine(engine: str | None, address: str | None, workers: int | None) -> dict[str, object]:
    """The words for `assignments` of the three options that say where cases are worked on.

    >>> on_engine(None, "auto", 2)
    {'engine__backend': 'ray', 'engine__address': 'auto', 'engine__workers': 2}
    """
    backend = engine or ("ray" if address else None)
    return {"engine__backend": backend, "engine__address": address, "engine__workers": workers}


def assignments(given: list[str] | None, **short: object) -> list[str]:
    """`--set` texts of the options given by their short names, then those given as `--set`.

    A name `read__series` stands for `read.series`; None was not given.

    >>> assignments(["learn.epochs=3"], engine__workers=2, read__series=None)
    ['engine.workers=2', 'learn.epochs=3']
    """
    named = [f"{name.replace('__', '.')}={value}" for name, value in short.items() if value is not None]
    return named + list(given or ())
