"""Who is let in: this machine, by the address that was printed, from the page itself."""

import hmac
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' data: "
    "blob:; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Refuses every request with another Host, another Origin or without the token, before anything is looked up.

    A page of another site that lets its name point to this machine (DNS rebinding) is told by its Host; one that sends
    a form or a script to it (CSRF) by its Origin, and by not knowing the token.

    Args:
        app: what answers those that are let in.
        token: the first part of every path.
        hosts: with their port.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Collection[str]) -> None:
        self.app, self.token, self.hosts = app, token, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refused = self.refusal(scope["method"], scope["path"], Headers(scope=scope))

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = PlainTextResponse(refused + "\n", 403) if refused else self.app
        await answer(scope, receive, sealed)

    def refusal(self, method: str, path: str, headers: Headers) -> str:
        """Why a request is refused, in a sentence; "" where it is let in."""
        if headers.get("host", "") not in self.hosts:
            return "This page answers to 127.0.0.1 only; open the address that lesionkit view printed."
        origin = headers.get("origin")
        own = {f"http://{host}" for host in self.hosts}
        if (origin is not None or method not in ("GET", "HEAD")) and origin not in own:
            return "This page takes decisions from itself only; open the address that lesionkit view printed."
        given = path.split("/")[1] if "/" in path else ""
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return "This address has a wrong or an old token; open the address that lesionkit view printed last."
        return ""
