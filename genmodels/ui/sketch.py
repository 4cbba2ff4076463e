"""A square on which one draws, as a control of a tool; sent as its ink, one byte a pixel."""

import base64
import binascii
from dataclasses import dataclass
from html import escape
from typing import Any

import torch
from torch import Tensor

from genmodels.errors import UserError

SIDE = 84  # pixels that are sent: three for one of MNIST's
KEYS = "With the keys: arrows move the pen, Space puts it down and lifts it."


@dataclass(frozen=True)
class Drawing:
    """A drawing of SIDE x SIDE pixels as base64 of its bytes, row by row, 0 paper and 255 ink; "" where nothing is
    drawn. Its tab needs sketch.js."""

    label: str
    live: bool = False

    def check(self, name: str, value: Any) -> str:
        ink(value)
        return value

    def control(self, identity: str, name: str) -> str:
        """The canvas as HTML. It is not in the address of the page: a drawing is too long for one."""
        size = f'width="{3 * SIDE}" height="{3 * SIDE}" data-side="{SIDE}"'
        return (
            f'<div class="field sketch" data-name="{name}" data-private><label id="{identity}">{escape(self.label)} '
            f'<em>{name}</em></label><button type="button" class="plain" data-clear>Clear</button>'
            f'<canvas {size} tabindex="0" role="application" aria-labelledby="{identity}" '
            f'aria-describedby="{identity}-keys"></canvas><p class="note keys" id="{identity}-keys">{KEYS}</p>'
            '<input type="hidden" data-default="&quot;&quot;" value="&quot;&quot;"></div>'
        )


def ink(value: Any) -> Tensor:
    """The drawing as bytes (SIDE, SIDE); UserError for what no canvas sends."""
    broken = UserError("The drawing did not arrive whole: clear it and draw again.")
    if value == "":
        return torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    if not isinstance(value, str) or len(value) != 4 * -(-(SIDE**2) // 3):
        raise broken
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise broken from error
    if len(content) != SIDE**2:
        raise broken
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(SIDE, SIDE)
