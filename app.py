"""The page: python app.py [--host HOST] [--port PORT]"""

import argparse
import errno
import importlib
import os
import signal
import socket
import sys
import threading
import time

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported

from starlette.middleware import Middleware  # noqa: E402

from genmodels import data, promise, registry, rescue  # noqa: E402
from genmodels.models import MODELS  # noqa: E402
from genmodels.run import Run  # noqa: E402
from genmodels.ui import formula, language, page  # noqa: E402
from genmodels.ui.address import Door  # noqa: E402
from genmodels.ui.files import add_routes  # noqa: E402
from genmodels.ui.theme import HEAD, Paper  # noqa: E402

FIRST_PAGE_SECONDS = 3.0  # until the browser that opened with the server has its page
SAVE_SECONDS = 4.0  # for the runs of a server that stops
THREADS = 100  # answers under way: tools of a class that wait their turn must not keep the news of runs waiting
SESSIONS = 200  # of gradio, one for each page that was opened: 80 kB, and nothing is in them
PORTS = range(7860, 7880)  # tried in this order where no port was asked for


def main() -> int:
    """Serves the page until it is interrupted, then saves the runs; 1 where it cannot be served."""
    parser = argparse.ArgumentParser(description="Watch generative models learn, in the browser.")
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, help=f"this port and no other; else the first free one from {PORTS[0]}")
    arguments = parser.parse_args()
    try:
        port = free_port(arguments.host, [arguments.port] if arguments.port else PORTS)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(
            f"The page cannot be served at {arguments.host}: {reason}. Choose another --host or --port.",
            file=sys.stderr,
        )
        return 1
    blocks = page.build()
    app, address, _ = blocks.launch(
        server_name=arguments.host,
        server_port=port,
        theme=Paper(),
        head=HEAD,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        share=False,
        ssr_mode=False,
        app_kwargs={"middleware": [Middleware(Door)]},
        max_file_size="1mb",  # saved models come another way, see ui/files.py
        max_threads=THREADS,
        state_session_capacity=SESSIONS,
        prevent_thread_lock=True,
        quiet=True,
    )
    add_routes(app)
    language.add_route(app)
    print(f"The page is at {address}", flush=True)
    threading.Thread(target=warm_up, daemon=True).start()
    wait_for_the_end()
    for line in rescue.keep(registry.everyone(), SAVE_SECONDS):
        print(line, flush=True)
    os._exit(0)  # all that lasts is on the disk: open browsers and their requests are not waited for


def wait_for_the_end() -> None:
    """Returns on Ctrl-C or a signal to stop; a second one ends the process at once."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: os._exit(1))


def warm_up() -> None:
    """The first training of a process costs a second of imports: over before anybody presses Start. Once the first page
    is there it is measured how fast this computer is, for what the page promises, and what tools import comes early."""
    Run(next(iter(MODELS)), data.NAMES[0], {})
    time.sleep(FIRST_PAGE_SECONDS)
    promise.measure_rate()
    formula.formula("x")
    importlib.import_module("ot")


def free_port(host: str, ports: list[int] | range) -> int:
    """The first port that nobody listens on; OSError where there is none, or no such host."""
    for port in ports:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
                return port
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
    raise OSError(errno.EADDRINUSE, f"port {ports[0]} is in use")


if __name__ == "__main__":
    sys.exit(main())
