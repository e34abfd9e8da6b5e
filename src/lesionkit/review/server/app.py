"""The addresses of the page, and what answers each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from lesionkit.core.errors import LesionkitError
from lesionkit.review.server.answers import (
    Asked,
    agreement_document,
    case_document,
    comparison_document,
    keep,
    session_document,
    state_document,
)
from lesionkit.review.server.guard import Guard
from lesionkit.review.server.pictures import TILE_PX, Opened, drawn_slice, last_level, nifti_chunks, tile_of
from lesionkit.review.session import Session
from lesionkit.review.store import BehindError

PAGE = Path(__file__).parent / "page"
_LARGEST_BODY = 1 << 19
# What is shown never changes while the token is the same.
_KEPT = {"cache-control": "private, max-age=86400"}
_FRESH = {"cache-control": "no-store"}


def make_app(session: Session, token: str, port: int, opened: Opened | None = None) -> ASGIApp:
    """The page of a session as an ASGI application.

    Args:
        token: who does not name it is refused.
        port: that it will be served at; other addresses are refused.
        opened: where images are kept open.
    """
    answers = _Answers(session, opened or Opened())
    routes = [
        Route("/", answers.page),
        Route("/api/session", answers.session),
        Route("/api/case/{number:int}", answers.case),
        Route("/api/decide", answers.decide, methods=["POST"]),
        Route("/api/compare/{earlier:int}/{later:int}", answers.compare),
        Route("/api/agreement", answers.agreement),
        Route("/image/{number:int}/shown", answers.shown),
        Route("/image/{number:int}/slice/{plane}/{index:int}", answers.slice),
        Route("/image/{number:int}/volume.nii", answers.volume),
        Route("/image/{number:int}/tile/{level:int}/{column:int}/{row:int}", answers.tile),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    app = Starlette(routes=[Mount(f"/{token}", routes=routes)], exception_handlers={LesionkitError: _refused})
    return Guard(app, token, {f"127.0.0.1:{port}", f"localhost:{port}"})


async def _refused(request: Request, error: Exception) -> Response:
    del request
    status = 409 if isinstance(error, BehindError) else 400
    return JSONResponse({"error": " ".join(str(error).split())}, status, _FRESH)


class _Answers:
    """One method per address; what reads files or the base runs in a thread."""

    def __init__(self, session: Session, opened: Opened) -> None:
        self.of, self.opened = session, opened

    async def page(self, request: Request) -> Response:
        del request
        return FileResponse(PAGE / "page.html", headers=_FRESH)

    async def session(self, request: Request) -> Response:
        del request
        return await _told(session_document, self.of)

    async def case(self, request: Request) -> Response:
        return await _told(case_document, self.of, request.path_params["number"])

    async def decide(self, request: Request) -> Response:
        asked = await _asked(request)
        try:
            return await _told(keep, self.of, asked)
        except BehindError as error:
            # The page shows what was decided elsewhere, and asks again.
            sheet = self.of.sheet(asked.case)
            held = state_document(self.of, sheet, self.of.store.rows(self.of.reader))
            return JSONResponse({"error": str(error), **held}, 409, _FRESH)

    async def compare(self, request: Request) -> Response:
        days = request.query_params.get("days")
        try:
            number = float(days) if days else None
        except ValueError as error:
            raise LesionkitError(f"days must be a number, got '{days}'") from error
        pair = (request.path_params[name] for name in ("earlier", "later"))
        return await _told(comparison_document, self.of, *pair, number)

    async def agreement(self, request: Request) -> Response:
        del request
        return await _told(agreement_document, self.of)

    async def shown(self, request: Request) -> Response:
        """How the image is shown; answers when it was opened."""

        def told(number: int) -> dict[str, Any]:
            sheet = self.of.sheet(number)
            if sheet.grid.ndim == 3:
                volume = self.opened.volume(sheet)
                return {"windows": {name: list(one) for name, one in volume.windows.items()}}
            rows, columns = self.opened.picture(sheet).grid.shape
            return {"tile": TILE_PX, "levels": last_level(rows, columns)}

        return await _told(told, request.path_params["number"])

    async def slice(self, request: Request) -> Response:
        named, window = request.path_params, request.query_params.get("window", "")

        def drawn() -> bytes:
            volume = self.opened.volume(self.of.sheet(named["number"]))
            return drawn_slice(volume, named["plane"], named["index"], window or next(iter(volume.windows)))

        return Response(await run_in_threadpool(drawn), media_type="image/bmp", headers=_KEPT)

    async def volume(self, request: Request) -> Response:
        sheet = self.of.sheet(request.path_params["number"])
        length, chunks = await run_in_threadpool(lambda: nifti_chunks(self.opened.volume(sheet)))
        return StreamingResponse(
            chunks, media_type="application/octet-stream", headers={**_FRESH, "content-length": str(length)}
        )

    async def tile(self, request: Request) -> Response:
        named = request.path_params

        def drawn() -> tuple[bytes, str]:
            picture = self.opened.picture(self.of.sheet(named["number"]))
            return tile_of(picture, named["level"], named["column"], named["row"])

        content, media = await run_in_threadpool(drawn)
        return Response(content, media_type=media, headers=_KEPT)


async def _told(answer: Callable[..., Any], *arguments: Any) -> Response:
    return JSONResponse(await run_in_threadpool(answer, *arguments), headers=_FRESH)


async def _asked(request: Request) -> Asked:
    """The body of a request to keep something.

    Raises:
        LesionkitError: it is none.
    """
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise LesionkitError("a decision must come as application/json; load the page again")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            raise LesionkitError(f"a decision must be smaller than {_LARGEST_BODY} bytes; draw it with fewer places")
    try:
        content = json.loads(body)
    except ValueError as error:
        raise LesionkitError("a decision must be JSON; load the page again") from error
    if not isinstance(content, dict):
        raise LesionkitError("a decision must be a JSON object; load the page again")
    return Asked.parse(content)
