"""The page on a port of this machine, until it is stopped."""

import contextlib
import errno
import secrets
import socket
import threading
from collections.abc import Callable

import uvicorn

from lesionkit.core.errors import LesionkitError
from lesionkit.review.server.app import make_app
from lesionkit.review.server.pictures import Opened
from lesionkit.review.session import Session, Sheet

HOST = "127.0.0.1"


def bound(port: int) -> socket.socket:
    """A socket that listens at a port of this machine; 0 for a free one.

    Raises:
        LesionkitError: the port is in use, or not allowed.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
        # From now on a browser waits to be answered, and is not refused.
        made.listen(64)
    except OSError as error:
        made.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror or error})"
        raise LesionkitError(f"port {port} {why}; give another --port, or none for a free one") from error
    return made


def serve(session: Session, port: int, say: Callable[[str], None]) -> None:
    """Serve the page of a session until Ctrl-C or SIGTERM.

    Args:
        say: is told the address, once it answers.

    Raises:
        LesionkitError: the port cannot be used.
    """
    with contextlib.closing(bound(port)) as listening:
        at, token = listening.getsockname()[1], secrets.token_urlsafe(24)
        opened = Opened()
        # The first image is read while the browser starts.
        first = next((sheet for sheet in session.sheets if not sheet.missing), None)
        if first is not None:
            threading.Thread(target=_open_quietly, args=(opened, first), daemon=True).start()
        app = make_app(session, token, at, opened)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none"))
        say(f"http://{HOST}:{at}/{token}/")
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def _open_quietly(opened: Opened, sheet: Sheet) -> None:
    # What is wrong with it is told to whoever asks for it.
    with contextlib.suppress(LesionkitError, OSError):
        opened.get(sheet)
