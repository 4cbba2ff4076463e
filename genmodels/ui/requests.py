"""What browsers send, which can be anything, checked; what goes wrong, in words."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from genmodels.errors import UserError
from genmodels.models.base import Whole

Answer = dict[str, Any]
log = logging.getLogger(__name__)


def guarded(function: Callable[[Answer], Answer | None]) -> Callable[[Any], Answer | None]:
    """Mistakes come back as a sentence under "error", defects as an apology; the log has the rest."""

    @functools.wraps(function)
    def answer(request: Any = None) -> Answer | None:
        try:
            return function(table(request))
        except UserError as error:
            sentence = str(error).encode("utf-8", "replace").decode()  # halves of characters cannot be sent
            return {"error": sentence if len(sentence) < 300 else f"{sentence[:300]} ..."}
        except Exception:
            log.exception("%s failed", function.__name__)
            return {"error": "Something went wrong on the server; its log says what. Try again."}

    return answer


def table(value: Any) -> dict[str, Any]:
    """What a browser sent, which can be anything, as a dict with short text keys."""
    if not isinstance(value, dict) or len(value) > 100 or not all(isinstance(k, str) and len(k) < 80 for k in value):
        raise UserError("The page sent something this server does not understand: reload the page.")
    return value


def whole_number(value: Any, low: int, high: int, name: str) -> int:
    """A whole number in [low, high], else a UserError in words."""
    return Whole(low, high, name).check(name, value)


def text(value: Any, longest: int = 80) -> str:
    """A short text; anything else becomes a text that names nothing."""
    return value if isinstance(value, str) and len(value) <= longest else ""
