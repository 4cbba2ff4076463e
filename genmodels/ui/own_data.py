"""A visitor's own pictures on the tabs where models learn: given as a file or drawn.

A set lives in this process alone, under an id that cannot be guessed and that only the page knows to which it was told;
the number and size of sets are bounded, and an hour without use ends them.
"""

import base64
import secrets
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from genmodels.checkpoint import Checkpoint
from genmodels.data import OWN, Dataset
from genmodels.errors import UserError
from genmodels.own_data import Own, build, check
from genmodels.own_files import CELL, COLUMNS, FEWEST, LARGEST_FILE, MOST_ROWS, Pile, add_drawings, add_file
from genmodels.pictures import png, sheet
from genmodels.ui.controls import choices
from genmodels.ui.requests import Answer, guarded, text

MOST_SETS, MOST_BYTES = 64, 256 * 2**20  # kept; the one not used for longest goes first
UNUSED = 3600.0  # seconds after which a set goes
CHECK_SECONDS = 60.0
SHOWN = 64  # pictures of a preview
ROWS = 4  # of cells, at first
GIVE = "There are no pictures of yours here: give a file under Your own, or draw some."
LOAD = "The model in this file learned somebody's own pictures: give them under Your own, then load it again."


@dataclass
class _Kept:
    own: Own
    used: float


_guard = threading.Lock()
_sets: dict[str, _Kept] = {}  # the one not used for longest first
_watching = False


def panel() -> str:
    """What stands below the data sets where one's own is chosen."""
    colours = {"": "as they come", "grey": "grey", "colour": "colour"}
    sizes = {"": "as they come", "28": "28 x 28", "32": "32 x 32"}
    return f"""<details class="own" open><summary>Your own pictures</summary>
<p class="note">At least {FEWEST} in a zip, whose folders become classes; or a .npy of N x H x W; or draw them. They
stay in this server's memory, for you alone.</p>
<div class="row">
<label class="button">Choose a file
<input type="file" accept=".zip,.npy" data-own="file" data-most="{LARGEST_FILE}"></label>
<button type="button" data-own="draw" aria-expanded="false">Draw</button>
</div>
<div class="grid" hidden>
<div class="cells" style="--rows: {ROWS}" data-columns="{COLUMNS}" data-most="{MOST_ROWS}" data-least="{FEWEST}">
<canvas width="{COLUMNS * CELL}" height="{ROWS * CELL}" role="img" aria-label="Cells to draw in"></canvas></div>
<div class="row"><button type="button" data-own="undo">Undo</button>
<button type="button" data-own="clear">Clear</button>
<button type="button" data-own="more">Four more</button></div>
<label class="tick"><input type="checkbox" data-own="rows">Each row is a class</label>
<p class="note drawn" role="status">Draw in each cell.</p>
<button type="button" data-own="take" disabled>Use these drawings</button>
</div>
<p class="note reading" role="status" hidden>Reading your pictures.</p>
<p class="refused" role="alert"></p>
<figure hidden><img class="own-sheet" alt=""><figcaption role="status"></figcaption></figure>
<details class="form"><summary>Colours, size, mirroring</summary>
{choices("own-colour", "Colours", colours, "")}
{choices("own-side", "Size", sizes, "")}
<label class="tick"><input type="checkbox" data-own="mirror">Mirror half of them: good for photographs, wrong for
letters and digits</label>
</details>
</details>"""


@guarded
def receive(request: Answer) -> Answer:
    """Reads what was sent, a file or the ink of a grid, and keeps it."""
    pile = Pile({"28": 28, "32": 32}.get(text(request.get("side"))))
    if request.get("what") == "drawings":
        add_drawings(pile, request["file"].read(), request.get("rows") == "true")
        own = build(pile, "drawings", colour=False)
    else:
        add_file(pile, request["file"])
        colour = {"grey": False, "colour": True}.get(text(request.get("colour")))
        own = build(pile, Path(text(request.get("name"))).stem, colour)
    return keep(own, replaces=text(request.get("replaces")))


def keep(own: Own, replaces: str = "") -> Answer:
    """Takes a set in, in the place of the one that this page had."""
    global _watching
    identity = secrets.token_urlsafe(16)
    with _guard:
        _sets.pop(replaces, None)
        _sets[identity] = _Kept(own, time.monotonic())
        while len(_sets) > 1 and (len(_sets) > MOST_SETS or sum(map(_bytes, _sets.values())) > MOST_BYTES):
            _sets.pop(next(iter(_sets)))
        if not _watching:
            threading.Thread(target=_watch, daemon=True).start()
            _watching = True
    return shown(identity)


def shown(identity: str) -> Answer:
    """What the page shows of a set."""
    own = _find(identity)
    images = own.dataset.images
    some = images[torch.linspace(0, len(images) - 1, min(SHOWN, len(images))).long()]
    return {
        "own": identity,
        "png": base64.b64encode(png(sheet(some, 8))).decode(),
        "caption": f"{len(some)} training images, what there is to learn. {own.dataset.describe()}.",
        "words": own.words,
        "mirror": own.dataset.mirror,
    }


def chosen(request: Answer) -> Dataset | str:
    """What a page wants learned: the name of a data set, or its own pictures."""
    name = text(request.get("dataset"))
    if name != OWN:
        return name
    return replace(_find(text(request.get("own"))).dataset, mirror=request.get("mirror") is True)


def behind(saved: Checkpoint, request: Answer) -> Dataset | str:
    """What a saved model goes on learning; UserError where the page's own pictures are not those."""
    if saved.dataset != OWN:
        return saved.dataset
    identity = text(request.get("own"))
    if identity not in _sets:
        raise UserError(LOAD)
    dataset = replace(_find(identity).dataset, mirror=request.get("mirror") == "true")
    check(saved, dataset)
    return dataset


def tidy() -> None:
    """Drops what was not used for long."""
    with _guard:
        for identity, kept in list(_sets.items()):
            if time.monotonic() - kept.used > UNUSED:
                del _sets[identity]


def _find(identity: str) -> Own:
    with _guard:
        kept = _sets.pop(identity, None)
        if kept is None:
            raise UserError(GIVE)
        _sets[identity] = kept
        kept.used = time.monotonic()
    return kept.own


def _bytes(kept: _Kept) -> int:
    return kept.own.dataset.images.nbytes + kept.own.dataset.test_images.nbytes


def _watch() -> None:
    while True:
        time.sleep(CHECK_SECONDS)
        tidy()
