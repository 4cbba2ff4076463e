"""The server with one address more, which says what it holds; idle times are short. For `python -m tests.growth`."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from fastapi import FastAPI
from gradio.state_holder import SessionState
from matplotlib.figure import Figure

import app
from genmodels import registry
from genmodels.history import Snapshot
from genmodels.playground import session
from genmodels.playground.session import Session
from genmodels.record import Record
from genmodels.run import Run
from genmodels.ui import address, own_data

KINDS = (Run, Record, Snapshot, Session, SessionState, Figure)


def counts() -> dict[str, int]:
    """Live objects of this process by kind, its threads, open files, sockets and temporary files."""
    for _ in range(3):
        gc.collect()
    found = Counter({kind.__name__: 0 for kind in KINDS})
    tensors: dict[int, int] = {}  # storages, for views share them
    for one in gc.get_objects():
        kind = type(one)
        if issubclass(kind, torch.Tensor):
            found["tensors"] += 1
            with suppress(Exception):  # some have no storage
                storage = one.untyped_storage()
                tensors[storage._cdata] = storage.nbytes()
        elif kind in KINDS:
            found[kind.__name__] += 1
    found["tensor bytes"] = sum(tensors.values())
    found["kept runs"], found["kept sets"], found["kept games"] = map(
        len, (registry._runs, own_data._sets, session._sessions)
    )
    found["queued"] = len(registry._queue._runs) if registry._queue else 0
    # Threads that answer requests end when they like; those of runs are what could add up.
    found["threads of runs"] = sum("_live" in thread.name for thread in threading.enumerate())
    found["threads"] = threading.active_count()
    return dict(found | _opened() | {"temporary files": sum(len(f) for *_, f in os.walk(tempfile.gettempdir()))})


def _opened() -> dict[str, int]:
    """Open files and sockets, and resident bytes before and after what was freed is given back; from Linux alone."""
    if not Path("/proc/self/fd").exists():
        return {}
    places = []
    for opened in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            places.append(str(opened.readlink()))
    before = _resident()
    with suppress(OSError, AttributeError):  # glibc's own
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    sockets = sum("socket:" in place for place in places)
    return {"sockets": sockets, "files": len(places) - sockets, "resident as it is": before, "resident": _resident()}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Serves at the port given; a run that nobody asks for goes after the seconds given."""
    port, registry.DROP_SECONDS = sys.argv[1], float(sys.argv[2])
    own_data.UNUSED, own_data.CHECK_SECONDS = registry.DROP_SECONDS, 1.0
    session.KEPT = 4  # games, which go when others come: as many as there are after any hour
    registry.CHECK_SECONDS, add_routes = 0.5, app.add_routes

    def and_count(server: FastAPI) -> None:
        add_routes(server)

        @server.get("/counts")
        def answer() -> dict[str, Any]:
            return counts()

    app.add_routes = and_count
    address.OPEN = re.compile(f"{address.OPEN.pattern}|/counts")
    sys.argv[1:] = ["--port", port]
    sys.exit(app.main())


if __name__ == "__main__":
    main()
