"""The page: python app.py [--host HOST] [--port PORT]"""

import argparse
import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported

import genmodels  # noqa: F401, E402, I001  its settings for threads come before torch
from genmodels.ui import page  # noqa: E402
from genmodels.ui.files import add_routes  # noqa: E402
from genmodels.ui.theme import HEAD, Paper  # noqa: E402

PORT = 7860
NEXT_PORTS = 20  # tried where no port was asked for


def main() -> int:
    """Serves the page until it is interrupted; 1 where it cannot."""
    parser = argparse.ArgumentParser(description="Watch generative models learn, in the browser.")
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, help=f"this port and no other; else the first free one from {PORT}")
    arguments = parser.parse_args()
    first = arguments.port or int(os.environ.get("GRADIO_SERVER_PORT", PORT))
    blocks = page.build()
    for port in [first] if arguments.port else range(first, first + NEXT_PORTS):
        try:
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
                max_file_size="1mb",  # files come another way, see ui/files.py
                prevent_thread_lock=True,
                quiet=True,
            )
        except OSError:
            continue
        add_routes(app)
        print(f"The page is at {address}", flush=True)
        blocks.block_thread()
        return 0
    asked = f"Port {first} is" if arguments.port else f"Ports {first} to {first + NEXT_PORTS - 1} are"
    print(f"{asked} in use: choose another with --port.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
