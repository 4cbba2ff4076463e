"""The page's second language: a catalogue from English to Chinese, fetched where it is asked for. See `language.js`."""

import hashlib
import json
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Request, Response

HERE = Path(__file__).parent
ADDRESS = "language/zh.json"
SWITCH = """<span class="languages" translate="no"><button type="button" class="plain" data-language="zh" lang="zh-Hans"
title="用中文显示本页">中文</button><button type="button" class="plain" data-language="en" lang="en"
title="Show this page in English">English</button></span>"""


@cache
def catalogue() -> dict[str, str]:
    """English to Chinese, from the files in `zh`; ValueError where two of them translate the same."""
    whole: dict[str, str] = {}
    for path in sorted((HERE / "zh").glob("*.json")):
        part = json.loads(path.read_text(encoding="utf-8"))
        twice = whole.keys() & part.keys()
        if twice:
            raise ValueError(f"{path.name} translates again: {sorted(twice)}")
        whole |= part
    return whole


@cache
def _served() -> bytes:
    return json.dumps(catalogue(), ensure_ascii=False, separators=(",", ":")).encode()


def script() -> str:
    """The script of the page's head. The catalogue's address changes with its words, so that browsers may keep it."""
    version = hashlib.sha256(_served()).hexdigest()[:12]
    words = (HERE / "language.js").read_text(encoding="utf-8")
    return f'const CATALOGUE = "{ADDRESS}?{version}";\n{words}'


def add_route(app: FastAPI) -> None:
    """Puts the catalogue's address beside the page's own."""

    @app.get(f"/{ADDRESS}")
    def words(request: Request) -> Response:
        # What is asked for without a version, as by hand, is not kept.
        kept = "max-age=31536000, immutable" if request.url.query else "no-cache"
        return Response(_served(), media_type="application/json", headers={"Cache-Control": kept})
