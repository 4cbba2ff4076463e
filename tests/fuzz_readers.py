"""Every reader of what a person hands in, files that it understands, and ways to damage them that know their format."""

from __future__ import annotations

import base64
import functools
import gzip
import io
import json
import random
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as packed

from genmodels import bench, checkpoint, formats, judge, weights
from genmodels.digit import prepare
from genmodels.errors import UserError
from genmodels.playground import laws
from genmodels.run import Run
from genmodels.ui import own_data, sketch
from genmodels.ui.requests import Answer
from tests.fuzz import ODD, mutated
from tests.test_damaged_data import npz
from tests.test_formats import IMAGES, LABELS, idx
from tests.test_own_data import array, odd_pictures, pets, zipped

NUMBERS = (0, 1, 0x7F, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
SMALL = {"width": 16}
IMAGE = torch.zeros(16, 28, 28, dtype=torch.uint8)
Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Reader:
    """A reader, and files that it understands."""

    read: Callable[[bytes, Path], Any]  # given an empty folder
    sound: tuple[bytes, ...]
    changes: tuple[Change, ...] = ()  # those that know the format


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with one to four places as no writer leaves them, most of them near its beginning."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        size = len(found)
        at = chance.randrange(1 + (min(size, 400) if chance.random() < 0.6 else size))
        length = chance.choice((1, 2, 4, 16, 300, size))
        way = chance.randrange(6)
        if way == 0:
            del found[at:]
        elif way == 1:
            del found[at : at + length]
        elif way == 2:
            found[at:at] = found[at : at + length]
        elif way == 3:
            found[at : at + length] = chance.randbytes(min(length, size - at))
        else:
            number, order = chance.choice(NUMBERS), chance.choice("<>")
            found[at : at + 4] = struct.pack(f"{order}I", number)
    return bytes(found)


def relabelled(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file whose table says something else, and fits all the same."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    if chance.random() < 0.5:
        header["__metadata__"] = mutated(header["__metadata__"], chance)
        place = header["__metadata__"]
        if isinstance(place, dict) and place:  # all of it is text in such a file
            key = chance.choice([*place])
            place[key] = chance.choice((json.dumps(chance.choice(ODD)), "1" + "0" * 400, '{"width": 1e300}', "1e999"))
    else:
        name = chance.choice([name for name in header if name != "__metadata__"])
        if chance.random() < 0.2:  # a product of so many numbers takes half a minute
            header[name]["shape"] = [len(content) - 1] * 100_000
        else:
            header[name] = mutated(dict(header[name]), chance)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def poured(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file with other numbers in it, of any kind."""
    start = 8 + int.from_bytes(content[:8], "little")
    at = chance.randrange(start, len(content) - 8)
    more = chance.choice((b"\xff" * 8, b"\0\0\xc0\x7f", struct.pack("<d", 1e308), struct.pack("<q", -1)))
    return content[:at] + more + content[at + len(more) :]


def retold(content: bytes, chance: random.Random) -> bytes:
    """JSON with something in it that nobody writes."""
    told = mutated({"rows": [], **json.loads(content)}, chance)
    if isinstance(told, dict) and isinstance(told.get("rows"), list) and told["rows"]:
        row = chance.randrange(len(told["rows"]))
        told["rows"][row] = mutated({"row": told["rows"][row]}, chance)
    return json.dumps(told).encode()


def packed_again(content: bytes, chance: random.Random) -> bytes:
    """A sound zip of pictures one of which, or whose name, is damaged."""
    files: dict[str, bytes] = dict(pets())
    form = chance.choice([*pictures()])
    name = chance.choice(("pets/dog/x.png", "../../x.png", "/etc/x.jpg", "x" * 300 + ".webp", "\u202e.gif", "a\\b.bmp"))
    return zipped(files | {name: damaged(pictures()[form], chance)})


def restroked(content: bytes, chance: random.Random) -> bytes:
    """The lines of a drawing with nonsense in the place of a line, a corner or a number."""
    told = json.loads(content)
    place: Any = told
    while isinstance(place, list) and place and isinstance(place[-1], list) and chance.random() < 0.7:
        place = place[-1]
    place[chance.randrange(len(place))] = chance.choice(ODD)
    return json.dumps(told * chance.choice((1, 1, 1, 1000))).encode()


@functools.cache
def pictures() -> dict[str, bytes]:
    return {name: content for name, (content, *_) in odd_pictures().items()}


def put(content: bytes, folder: Path, name: str) -> Path:
    (path := folder / name).write_bytes(content)
    return path


def checkpoints(content: bytes, folder: Path) -> None:
    """A run's file as it is sampled from and gone on with, on the page and on the command line."""
    saved = checkpoint.load(put(content, folder, "run.safetensors"))
    saved.model.sample(saved.model.latents(2, torch.Generator()), torch.zeros(2, dtype=torch.int64))
    Run(saved.model.name, saved.dataset, {}, rounds=1, resume=saved)


def shown(content: bytes, how: Answer) -> None:
    """What the page does with pictures that are handed in."""
    answer = own_data.receive({"file": io.BytesIO(content), **how})
    json.dumps(answer, allow_nan=False).encode()
    if "error" in answer:
        raise UserError(answer["error"])


def tables(content: bytes, folder: Path) -> None:
    rows = bench.read(put(content, folder, "bench.json"))
    assert all(isinstance(row, dict) for row in rows)


def pair(name: str) -> Callable[[bytes, Path], Any]:
    """Reads images and labels in the format of MNIST of which one file is damaged."""

    def read(content: bytes, folder: Path) -> None:
        sound = {IMAGES: idx(IMAGE.numpy()), LABELS: idx(np.arange(16, dtype=np.uint8) % 10)}
        for other in sound:
            put(sound[other], folder, other) if not name.startswith(other) else put(content, folder, name)
        formats.read_idx_pair(folder, "train", 60_000)

    return read


def sheets(name: str) -> Callable[[bytes, Path], Any]:
    """Reads images in the bundle's format of which one file is damaged."""

    def read(content: bytes, folder: Path) -> None:
        for other, sound in sheet_files().items():
            put(content if other == name else sound, folder, other)
        formats.read_sheets(folder, "train", 50_000)

    return read


@functools.cache
def sheet_files() -> dict[str, bytes]:
    """Sound ones; the images are noise in part, so that the decoder has work."""
    images = np.random.default_rng(0).integers(0, 9, (16, 3, 32, 32), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        formats.write_sheets(Path(folder), "train", images, np.arange(16) % 10, np.arange(16))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def readers() -> dict[str, Reader]:
    run = Run("gan", "mnist", SMALL, rounds=1, device="cpu")
    run.run()
    whole = run.saved()
    one = judge.Judge((1, 28, 28), 10)
    judged = packed({k: v.half() for k, v in one.state_dict().items()}, {"shape": "[1, 28, 28]", "classes": "10"})
    table = json.dumps({"rows": [{"model": "gan", "path": [1, 2]}, {"model": "vae"}]}).encode()
    canvas = np.zeros((sketch.SIDE, sketch.SIDE), np.uint8)
    canvas[20:60, 30:40] = 255
    grid = own_data.CELL * own_data.COLUMNS
    ink = (np.indices((4 * own_data.CELL, grid)).sum(0) % 9 == 0).astype(np.uint8).tobytes()
    floats = np.random.default_rng(0).random((16, 8, 8), dtype=np.float32)
    arrays = array("(16, 28, 28)", content=IMAGE.numpy().tobytes()), array("(16, 8, 8)", "<f4", floats.tobytes())
    photographs = tuple(zipped({f"{i}.png": content for i in range(17)}) for content in pictures().values())
    tensors = (relabelled, poured)
    return {
        "checkpoint": Reader(checkpoints, (whole,), tensors),
        "judge": Reader(lambda c, f: judge.read(put(c, f, "judge.safetensors")), (judged,), tensors),
        "figures of weights": Reader(lambda c, f: weights.figures_of(put(c, f, "a.safetensors")), (whole,), tensors),
        "idx": Reader(pair(IMAGES), (idx(IMAGE.numpy()),)),
        "idx, zipped": Reader(pair(f"{LABELS}.gz"), (gzip.compress(idx(np.zeros(16, np.uint8))),)),
        "sheet": Reader(sheets("train-00.webp"), (sheet_files()["train-00.webp"],)),
        "labels": Reader(sheets("train.npz"), (sheet_files()["train.npz"], npz("(16,)", content=bytes(16)))),
        "own zip": Reader(lambda c, f: shown(c, {}), (zipped(pets()), *photographs), (packed_again,) * 3),
        "own array": Reader(lambda c, f: shown(c, {"side": "28"}), arrays),
        "own drawings": Reader(lambda c, f: shown(c, {"what": "drawings", "rows": "true"}), (ink,)),
        "drawing": Reader(lambda c, f: prepare(sketch.ink(c.decode("latin-1"))), (sketch_of(canvas),)),
        "strokes": Reader(
            lambda c, f: laws.drawn(json.loads(c)).draw(8, torch.Generator()),
            (b"[[[0, 0.8], [0.5, 0.5], [1, 1]], [[0.2, 0.2]]]",),
            (restroked,) * 4,
        ),
        "bench": Reader(tables, (table,), (retold,) * 3),
    }


def sketch_of(canvas: np.ndarray) -> bytes:
    """What the page's canvas sends."""
    return base64.b64encode(canvas.tobytes())
