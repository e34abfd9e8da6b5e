"""`lesionkit listen`: a DICOM receiver whose studies are searched, and whose findings go back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from lesionkit.cli.options import Assign, Authority, Caller, Config, RecipeOption, WithIdentifiers

if TYPE_CHECKING:
    from ssl import SSLContext
    from threading import Event

Archives: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--send-to", metavar="ARCHIVE", help="dicomweb:URL or dimse[+tls]:HOST:PORT/AET; repeatable; none: keep."
    ),
]
Port: TypeAlias = Annotated[int, typer.Option("--port", min=0, max=65535, help="To listen at; 0: a free one.")]
Host: TypeAlias = Annotated[str, typer.Option("--host", help="Address to listen at; 0.0.0.0 for other machines.")]
Allow: TypeAlias = Annotated[
    list[str] | None, typer.Option("--allow", metavar="AET", help="AE title that may send; repeatable.")
]
Queue: TypeAlias = Annotated[
    Path, typer.Option("--queue", metavar="FOLDER", help="Where studies wait and results stay; it is gone on with.")
]
Model: TypeAlias = Annotated[
    Path | None, typer.Option("--model", metavar="RUN", help="Run folder or model file; default: the shipped one.")
]
Results: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--result", metavar="KIND", help="What goes back; repeatable; default: dicom-sr, which has its dicom-seg."
    ),
]
At: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="POINT",
        help="Least of what goes back: operating point, score or 'all'; default: as the page, or 0.5.",
    ),
]
Quiet: TypeAlias = Annotated[
    float, typer.Option("--quiet", min=0, metavar="S", help="A study is complete after so many quiet seconds.")
]
Keep: TypeAlias = Annotated[
    float, typer.Option("--keep", min=0, metavar="H", help="Hours that images of finished studies stay.")
]
LargestImage: TypeAlias = Annotated[float, typer.Option("--image-mb", min=0.001, help="Largest image that is taken.")]
MostImages: TypeAlias = Annotated[int, typer.Option("--images", min=1, help="Most images of a study.")]
Free: TypeAlias = Annotated[float, typer.Option("--free-gb", min=0, help="What must stay free on the disk.")]
Secured: TypeAlias = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="FILE", help="Listen with TLS: own certificate and key, PEM.")
]
Again: TypeAlias = Annotated[bool, typer.Option("--again", help="Begin with what failed.")]
Show: TypeAlias = Annotated[bool, typer.Option("--show", help="Only tell what the queue holds.")]


def command(
    send_to: Archives = None,
    port: Port = 11112,
    host: Host = "127.0.0.1",
    caller: Caller = "LESIONKIT",
    allow: Allow = None,
    queue: Queue = Path("runs/listen"),
    recipe: RecipeOption = "ct-nodule",
    model: Model = None,
    result: Results = None,
    at: At = None,
    quiet: Quiet = 2.0,
    keep: Keep = 24.0,
    image_mb: LargestImage = 1024.0,
    images: MostImages = 20_000,
    free_gb: Free = 2.0,
    tls_cert: Secured = None,
    ca: Authority = None,
    again: Again = False,
    with_identifiers: WithIdentifiers = False,
    show: Show = False,
    config: Config = None,
    assign: Assign = None,
) -> None:
    """Receive studies by DICOM, search each, and send what was found back to the archive.

    It runs until it is stopped, and may be killed: what was acknowledged is on disk, no study is lost and none is done
    twice. An archive that is down gets the results later. DICOM says nothing of who may read: listen on a network
    that is yours, name who may send (--allow), or use TLS.

    Examples:
      lesionkit listen --port 11112 --recipe ct-nodule --send-to dicomweb:http://localhost:8042/dicom-web
      lesionkit listen --host 0.0.0.0 --allow SCANNER --allow PACS --send-to dimse:pacs:104/ARCHIVE
      lesionkit listen --queue runs/listen --show
    """
    from lesionkit.archive.address import parse_address, title
    from lesionkit.archive.courier import CourierSettings
    from lesionkit.archive.listen import ListenSettings, listen
    from lesionkit.archive.receive import ReceiveSettings
    from lesionkit.archive.send import Sending
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.study import study_search
    from lesionkit.runs.settings_file import resolve

    if show:
        _show(queue)
        return
    addresses = [str(parse_address(text)) for text in send_to or ()]
    own, senders = title(caller), tuple(title(text) for text in allow or ())
    limits = {"image_mb": image_mb, "images": images, "free_gb": free_gb}
    receive = ReceiveSettings.parse({"host": host, "port": port, "title": own, "allow": senders, **limits})
    settings = resolve(load_recipe(recipe).model_settings(model), config or (), assign or ())
    searcher = study_search(recipe, model, settings, result or ("dicom-sr",), at, with_identifiers)
    how = ListenSettings(receive, CourierSettings(), Sending(own, ca), quiet, keep, again=again)
    listen(queue, searcher, addresses, how, _say, _stop_when_asked(), _tls(tls_cert))


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _stop_when_asked() -> "Event":
    """Set by Ctrl-C, or when a service is stopped."""
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _tls(file: Path | None) -> "SSLContext | None":
    """What secures the connections of senders."""
    import ssl

    from lesionkit.core.errors import LesionkitError

    if file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(file)
    except (OSError, ssl.SSLError) as error:
        raise LesionkitError(
            f"--tls-cert must be a PEM file with a certificate and its key, got {file}: {error.strerror or error}"
        ) from error
    return context


def _show(folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lesionkit.archive.upkeep import queue_rows

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("study", "state", "images", "why"):
        table.add_column(column)
    for row in queue_rows(folder):
        why = row["reason"] or (row["waits"] if row["state"] == "sending" else "")
        table.add_row(str(row["number"]), row["state"], str(row["images"]), Text(why or ""))
    Console(highlight=False).print(table if table.row_count else "no study has come yet")
