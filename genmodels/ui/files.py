"""Files of a run, by their address: its model, curves, script, notebook and zip; and loading one back."""

import asyncio
import functools
import logging
import re
import tempfile
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse

from genmodels import checkpoint, export
from genmodels.data import OWN
from genmodels.errors import UserError
from genmodels.models import MODELS
from genmodels.run import Run
from genmodels.ui import live, own_data, readings
from genmodels.ui.figures import curves_png
from genmodels.ui.requests import Answer, guarded

TAKEN_HOME = {"run.py": "text/x-python", "run.ipynb": "application/x-ipynb+json", "run.zip": "application/zip"}
LARGEST = 256 * 2**20  # bytes of a file to load
NO_ROOM = "The server has no room to put a file aside: try again later."
log = logging.getLogger(__name__)
_exporting = threading.Lock()  # Python 3.11 fails where two threads parse programs at once


def add_routes(app: FastAPI) -> None:
    """Puts the addresses beside the page's own."""

    @app.get("/train/{identity}/{name}")
    def download(identity: str, name: str) -> Response:
        try:
            return _file(identity, name)
        except UserError as error:
            return PlainTextResponse(str(error), status_code=404)
        except OSError as error:
            log.warning("A file could not be put aside: %s", error)
            return PlainTextResponse(NO_ROOM, status_code=507)

    reading = asyncio.Lock()  # one set at a time, for that takes a core

    @app.post("/train/own")
    @on_the_disk
    async def own(request: Request) -> Response:
        with suppress(ClientDisconnect), tempfile.TemporaryFile() as file:  # which has no name: nothing is left of it
            async for piece in request.stream():
                if file.tell() + len(piece) > LARGEST:
                    return JSONResponse(
                        {"error": f"The file is larger than {LARGEST >> 20} MiB: scale the pictures down first."}
                    )
                file.write(piece)
            file.seek(0)
            async with reading:
                sent = dict(request.query_params) | {"file": file}
                return JSONResponse(await run_in_threadpool(own_data.receive, sent))
        return Response()  # to nobody

    @app.post("/train/load")
    @on_the_disk
    async def load(request: Request, seconds: str = "", name: str = "", own: str = "", mirror: str = "") -> Response:
        with suppress(ClientDisconnect), tempfile.TemporaryDirectory() as folder:
            # Under its own name, which sentences about it will say, if that is harmless.
            path = Path(folder, name if re.fullmatch(r"\w[\w.-]{0,80}", name) else "model.safetensors")
            size = 0
            with path.open("wb") as file:
                async for piece in request.stream():
                    size += len(piece)
                    if size > LARGEST:
                        break
                    file.write(piece)
            if size > LARGEST:
                return JSONResponse({"error": f"The file is larger than {LARGEST >> 20} MiB: load it from a terminal."})
            sent = {"path": str(path), "seconds": seconds, "own": own, "mirror": mirror}
            return JSONResponse(await run_in_threadpool(_resume, sent))
        return Response()  # to nobody


def on_the_disk(answer: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """An answer for which a file is put aside, or a sentence where that cannot be."""

    @functools.wraps(answer)
    async def answered(*arguments: Any, **named: Any) -> Response:
        try:
            return await answer(*arguments, **named)
        except OSError as error:
            log.warning("A file could not be put aside: %s", error)
            return JSONResponse({"error": NO_ROOM})

    return answered


@guarded
def _resume(request: Answer) -> Answer:
    saved = checkpoint.load(request["path"])
    return live.resume(saved, request["seconds"], dataset=own_data.behind(saved, request))


def _file(identity: str, name: str) -> Response:
    run = live.found(identity)
    stem = live.file_name(run)
    if name == "model.safetensors":
        return Response(
            run.saved(), media_type="application/octet-stream", headers=_attached(f"{stem}.safetensors")
        )  # not by way of the disk, which may be full
    if name == "curves.png":
        snapshot = run.snapshot()
        heading = f"{run.model} on {run.dataset.title}, seed {run.seed}, {readings.duration(snapshot.seconds)}"
        picture = curves_png(readings.plots(MODELS[run.model].curves, snapshot), heading)
        return Response(picture, media_type="image/png", headers=_attached(f"{stem}-curves.png"))
    if name == "curves.json":
        snapshot = run.snapshot()
        numbers = {term: {"images": x, "values": y} for term, (x, y) in snapshot.curves.items()}
        return JSONResponse(numbers, headers=_attached(f"{stem}-curves.json"))
    if name in TAKEN_HOME:
        content = taken_home(run, name)
        return Response(content, media_type=TAKEN_HOME[name], headers=_attached(f"{stem}{Path(name).suffix}"))
    raise UserError("There is no such file: go back to the page.")


def taken_home(run: Run, name: str) -> str | bytes:
    """The run as it stands: "run.py", "run.ipynb", or "run.zip" with both and the weights."""
    if run.dataset.name == OWN and name == "run.py":  # nobody else has the pictures: the program reads them again
        return live.script(run)
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder, "model.safetensors")).write_bytes(run.saved())
        notes = [
            f"Not repeated here, by hand in the run: {words} after {n:,} images." for n, words in run.snapshot().marks
        ]
        if run.trainer.device.type != "cpu":
            notes.append(f"The run computed on {run.trainer.device}: a processor comes close, not to the last bit.")
        if live.resumed(run):
            notes.append("The run went on from a file; this script starts afresh.")
        facts = run.trainer.plan, len(run.dataset.images), notes
        with _exporting:
            if name == "run.zip":
                return export.parcel(path, *facts)
            return (export.script if name == "run.py" else export.notebook)(checkpoint.load(path), *facts)


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
