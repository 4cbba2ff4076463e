"""Which requests reach the server at all: the page's own, from the page itself, and small; and the short way to what
they ask for."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

import anyio
from gradio.routes import ORJSONResponse
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

FUNCTIONS = "/gradio_api/component_server"
LARGEST = 2**20  # bytes of what a page sends, files apart, which ui/files.py counts
NOWHERE = "There is no such address here."
SENT_AS_FILES = ("/train/own", "/train/load")
# What a browser asks for. Gradio answers more, which nobody needs: it takes files, hands them out, calls other servers.
OPEN = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|robots\.txt|manifest\.json|language/zh\.json"
    r"|(static|assets|svelte)/[\w./@-]+|train/[\w-]+(/[\w.-]+)?"
    rf"|gradio_api/(info|startup-events|app_id|heartbeat/[\w-]{{1,100}}))|{FUNCTIONS}/?"
)


class Door:
    """Refuses, in a sentence, what the page does not ask for: other addresses, other sites' requests, large ones, and
    calls of what it does not have. Answers the others' calls itself: gradio's own way to a function takes longer than
    most of them, and keeps a session for each page. Takes the query off requests for the page itself: what an address
    says is for the browser, and gradio fails on what it does not know there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/")) or "/"
        if path == "/":
            scope = {**scope, "query_string": b""}
        if not OPEN.fullmatch(path) or ".." in path:
            await _refused(404, NOWHERE)(scope, receive, send)
            return
        if scope["method"] == "POST":
            if not from_here(Headers(scope=scope)):
                await _refused(403, "Only this server's own page may ask for that.")(scope, receive, send)
                return
            if path.rstrip("/") == FUNCTIONS:
                await _called(scope, receive, send)
                return
            if path not in SENT_AS_FILES:
                await _refused(404, NOWHERE)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def from_here(headers: Headers) -> bool:
    """Whether a request comes from this server's page, or from no page; a browser says which."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    hosts = (headers.get("host"), headers.get("x-forwarded-host"))  # the latter from what stands before the server
    return origin is None or _host(origin) in hosts


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status, headers={"Connection": "close"})


async def _called(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers the call of a function."""
    try:
        body = await _body(Request(scope, receive))
    except ClientDisconnect:
        return
    if body is None:
        response: Response = _refused(413, f"A page sends no more than {LARGEST >> 20} MiB at once.")
    else:
        response = await _answer(body, scope)
    await response(scope, receive, send)


async def _body(request: Request) -> bytes | None:
    """All that is sent, or None where it is too much, of which no more is read."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 12 or int(length) > LARGEST:
        return None
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            return None
    return bytes(body)


async def _answer(body: bytes, scope: Scope) -> Response:
    """What a call of a function that a part of the page has gives, worked out in a thread of its own."""
    blocks = scope["app"].get_blocks()
    call = _call(body) if Headers(scope=scope).get("content-type", "").startswith("application/json") else {}
    part, name = call.get("component_id"), call.get("fn_name")
    for function in getattr(blocks.blocks.get(part), "server_fns", []) if type(part) is int else []:
        if function.__name__ == name:
            return ORJSONResponse(await anyio.to_thread.run_sync(function, call["data"], limiter=blocks.limiter))
    return _refused(400, "The page sent something this server does not understand: reload the page.")


def _call(body: bytes) -> dict[str, Any]:
    """What gradio's script sends to call a function; nothing if it is anything else."""
    try:
        call: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    known = isinstance(call, dict) and set(call) == {"data", "component_id", "fn_name", "session_hash"}
    return call if known else {}
