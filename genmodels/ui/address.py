"""The server's part of links: what an address says is for the browser, and the server heeds none of it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Unheeded:
    """Takes the query off requests for the page itself: gradio reads `page` and `deep_link` there, and fails on what it
    does not know."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") == scope.get("root_path", "").rstrip("/"):
            scope = {**scope, "query_string": b""}
        await self.app(scope, receive, send)
