"""What a browser says to the server, without a browser: requests over connections that stay open."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

HEADERS = (
    "Host: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n"
)
PATIENCE = 30.0  # seconds until a request counts as lost


@dataclass(frozen=True)
class Parts:
    """The numbers under which the page's parts are reached: the Train tab, and each tab of tools with their names."""

    train: int
    tabs: dict[str, tuple[int, list[str]]]

    @classmethod
    def of(cls, config: dict[str, Any]) -> Parts:
        """From what the server says of its page at /config."""
        train, tabs = 0, {}
        for part in config["components"]:
            if "expect" in (part["props"].get("server_fns") or []):
                train = part["id"]
            html = str(part["props"].get("value"))
            if tab := re.match(r'<div class="tools" data-tab="(\w+)"', html):
                tabs[tab[1]] = part["id"], re.findall(r'<section class="tool" data-tool="(\w+)"', html)
        return cls(train, tabs)


class Lost(Exception):
    """The server did not answer as it should."""


class Connection:
    """One connection of a browser, opened again when the server has closed it."""

    def __init__(self, host: str, port: int, session: str = "") -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._headers = HEADERS.format(host=f"{host}:{port}")
        self.session = session or secrets.token_hex(6)  # one of a whole page

    async def get(self, path: str) -> bytes:
        return await self._answer(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    async def call(self, component: int, function: str, data: Any) -> bytes:
        """What gradio's script sends for `server.function(data)`; the answer as it came, for reading it costs time."""
        request = {"data": data, "component_id": component, "fn_name": function, "session_hash": self.session}
        body = json.dumps(request).encode()
        head = f"POST /gradio_api/component_server/ HTTP/1.1\r\n{self._headers}Content-Type: application/json\r\n"
        return await self._answer(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def _answer(self, request: bytes) -> bytes:
        fresh = self._streams is None
        try:
            return await asyncio.wait_for(self._exchange(request), PATIENCE)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            if fresh:
                raise Lost(f"{type(error).__name__}") from error
        except asyncio.TimeoutError as error:
            self.close()
            raise Lost(f"no answer within {PATIENCE:.0f} s") from error
        return await self._answer(request)  # an idle connection that the server had closed

    async def _exchange(self, request: bytes) -> bytes:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else await _chunks(reader)
        if " 200 " not in head.split("\r\n")[0]:
            raise Lost(f"{head.split(chr(13))[0]}: {body[:200]!r}")
        return body

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
        self._streams = None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readline()
    return b"".join(parts)
