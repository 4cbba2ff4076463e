"""The pictures in a zip, a folder, a .npy or a grid of drawings, as small squares.

A file comes from anywhere, so its headers are not believed: what unpacks is counted while it is read, a picture's size
is held against a limit before it is decoded, and nothing is ever written to a disk.
"""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from genmodels.errors import UserError

FEWEST, MOST = 16, 10_000  # pictures
SIDES = (28, 32)  # pixels of a square
SMALLEST = 8  # pixels of a picture's shorter side
MOST_PIXELS = 10_000_000  # of a picture: its decoder takes up to 23 bytes for each
MOST_OF_JPEG = 25_000_000  # which is decoded at an eighth of its size
ALL_PIXELS = 1_200_000_000  # of all pictures, of a JPEG an eighth: a minute of decoding
LARGEST_FILE = 256 * 2**20  # bytes of a zip or .npy
LARGEST_TABLE = 2 * 2**20  # bytes of a zip's list of its files
LARGEST_PICTURE = 32 * 2**20  # bytes of a picture's file
LARGEST_CONTENT = 2**30  # bytes that a zip unpacks to
PIECE = 2**16  # bytes unpacked at once
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
CELL, COLUMNS, MOST_ROWS = 84, 4, 16  # pixels of a cell of the grid of drawings, and cells
TOO_MANY = f"There are more than {MOST:,} pictures: give fewer."


class Pile:
    """Pictures as they come in, each at once brought to the sizes that may be wanted; what is none is counted."""

    def __init__(self, side: int | None = None) -> None:
        self.squares: dict[int, list[np.ndarray]] = {each: [] for each in (SIDES if side is None else (side,))}
        self.folders: list[str] = []
        self.sizes: set[tuple[int, int]] = set()  # as they came
        self.left: Counter[str] = Counter()  # unread, small, large, heic, other
        self.content = self.pixels = 0

    def unpack(self, count: int) -> None:
        """Takes note of so many bytes unpacked."""
        self.content += count
        if self.content > LARGEST_CONTENT:
            raise UserError(f"The zip unpacks to more than {LARGEST_CONTENT >> 30} GiB: scale the pictures down first.")

    def add(self, content: bytes, folder: str) -> None:
        """A picture's file from a folder of that name, unless it cannot be decoded."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of sizes that are refused below, and of odd palettes
                if _webp_pixels(content) > MOST_PIXELS:  # whose decoder would take memory before it tells the size
                    raise Image.DecompressionBombError
                with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                    self.put(image, folder)
        except UserError:
            raise
        except Image.DecompressionBombError:
            self.left["large"] += 1
        except Exception:  # decoders raise all kinds
            self.left["unread"] += 1

    def put(self, image: Image.Image, folder: str) -> None:
        """A picture whose pixels need not have been decoded yet."""
        width, height = image.size
        photograph = image.format in ("JPEG", "MPO")
        if width * height > (MOST_OF_JPEG if photograph else MOST_PIXELS):
            self.left["large"] += 1
            return
        if min(width, height) < SMALLEST:
            self.left["small"] += 1
            return
        self.pixels += width * height // (8 if photograph else 1)
        if self.pixels > ALL_PIXELS:
            raise UserError("The pictures have too many pixels together: scale them down first, to 256 x 256 perhaps.")
        image.draft(image.mode, (4 * SIDES[-1], 4 * SIDES[-1]))  # a large JPEG is decoded smaller at once
        upright = ImageOps.exif_transpose(_eight_bits(image))
        squares = {side: _square(upright, side) for side in self.squares}
        for side, square in squares.items():
            self.squares[side].append(square)
        self.folders.append(folder)
        self.sizes.add((width, height))


def add_file(pile: Pile, file: BinaryIO) -> None:
    """A zip or .npy, whatever its name; `file` can be searched. UserError for anything else."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(6)
    file.seek(0)
    if size > LARGEST_FILE:
        raise UserError(f"The file is larger than {LARGEST_FILE >> 20} MiB: scale the pictures down first.")
    if start == b"\x93NUMPY":
        _add_npy(pile, file, size)
    elif start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        _add_zip(pile, file)
    elif not size:
        raise UserError("The file is empty: give a zip of pictures or a .npy.")
    else:
        raise UserError(f"The file is neither a zip nor a .npy: pack at least {FEWEST} pictures into a zip.")


def add_folder(pile: Pile, top: Path) -> None:
    """All pictures below a folder, in the order of their names."""
    top, found = top.resolve(), []
    for folder, _, files in os.walk(top):  # which follows no links to folders
        found += [Path(folder, name) for name in files]
        if len(found) > 10 * MOST:
            raise UserError(f"{top} holds more than {10 * MOST:,} files: give a folder of pictures alone.")
    found = [path for path in sorted(found) if _is_picture(pile, path.relative_to(top).parts)]
    found = [path for path in found if path.is_file() and not path.is_symlink()]
    if len(found) > MOST:
        raise UserError(TOO_MANY)
    for path in found:
        if path.stat().st_size > LARGEST_PICTURE:
            pile.left["large"] += 1
        else:
            pile.add(path.read_bytes(), path.parent.name)


def add_drawings(pile: Pile, ink: bytes, by_row: bool) -> None:
    """The cells of a grid that were drawn in, white on black; `ink` is that of the whole grid, one byte a pixel, and
    with `by_row` every row of cells is a class."""
    rows, rest = divmod(len(ink), CELL * CELL * COLUMNS)
    if rest or not 1 <= rows <= MOST_ROWS:
        raise UserError("The drawings did not arrive whole: send them again.")
    cells = np.frombuffer(ink, np.uint8).reshape(rows, CELL, COLUMNS, CELL).swapaxes(1, 2)
    for row, line in enumerate(cells, 1):
        for cell in line:
            if cell.any():
                pile.put(Image.fromarray(np.ascontiguousarray(cell)), f"row {row}" if by_row else "")


class _Sparing:
    """A file of which nobody reads more at once than sound ones make necessary."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > LARGEST_TABLE:
            raise UserError(f"The zip lists too many files: give at most {MOST:,} pictures.")
        return self._file.read(LARGEST_TABLE if count < 0 else count)


def _add_zip(pile: Pile, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(_Sparing(file)) as archive:
            entries = [(_parts(entry.filename), entry) for entry in archive.infolist()]
            entries = [
                (parts, entry) for parts, entry in entries if not _is_no_file(entry) and _is_picture(pile, parts)
            ]
            if len(entries) > MOST:
                raise UserError(TOO_MANY)
            for parts, entry in sorted(entries, key=lambda pair: pair[0]):
                _add_entry(pile, archive, entry, parts[-2] if len(parts) > 1 else "")
    except UserError:
        raise
    except Exception as error:  # headers that lie raise all kinds
        raise UserError("The zip is damaged or cut short: pack it again.") from error


def _add_entry(pile: Pile, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: str) -> None:
    if entry.flag_bits & 1:
        raise UserError("The zip is locked with a password: pack it again without one.")
    if entry.file_size > LARGEST_PICTURE:  # no more than this is read, whatever there is
        pile.left["large"] += 1
        return
    pieces = []
    try:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others unpack without a bound
            raise ValueError
        with archive.open(entry) as stream:
            while piece := stream.read(PIECE):
                pile.unpack(len(piece))
                pieces.append(piece)
    except UserError:
        raise
    except Exception:  # zip and zlib raise all kinds
        pile.left["unread"] += 1
        return
    pile.add(b"".join(pieces), folder)


def _is_no_file(entry: zipfile.ZipInfo) -> bool:
    """A folder, or a symbolic link, as Unix marks it."""
    return entry.is_dir() or entry.external_attr >> 28 == 0o12


def _parts(name: str) -> tuple[str, ...]:
    """Folders and name of a file in a zip. They only sort and label: no path is ever made of them."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _is_picture(pile: Pile, parts: tuple[str, ...]) -> bool:
    """Whether a file's name is that of a picture; others are counted, but for those that nobody put there."""
    if not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return False
    ending = Path(parts[-1]).suffix.lower()
    if ending in ENDINGS:
        return True
    pile.left["heic" if ending in (".heic", ".heif") else "other"] += 1
    return False


def _add_npy(pile: Pile, file: BinaryIO, size: int) -> None:
    try:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, by_columns, kind = header(_Sparing(file))
    except Exception as error:  # of a header that is none
        raise UserError("The .npy is damaged: save the array again with numpy.save.") from error
    if kind != np.uint8 and kind.kind != "f":
        raise UserError(f"The .npy holds {str(kind)[:40]}: give uint8, or floats from 0 to 1.")
    channels_first = len(shape) == 4 and shape[1] in (1, 3)
    images = len(shape) == 3 or len(shape) == 4 and channels_first != (shape[3] in (1, 3))
    if not images or by_columns or min(shape) < 1:
        raise UserError("The .npy is not laid out as N x H x W, N x H x W x 3 or N x 3 x H x W: arrange it so.")
    count, each = shape[0], kind.itemsize * int(np.prod(shape[1:], dtype=object))
    if not FEWEST <= count <= MOST:
        raise UserError(f"The .npy holds {count:,} pictures: give {FEWEST} to {MOST:,}.")
    if each > LARGEST_PICTURE:
        raise UserError(f"A picture in the .npy takes more than {LARGEST_PICTURE >> 20} MiB: scale them down first.")
    if size - file.tell() != count * each:
        raise UserError("The .npy is cut short or longer than it says: save the array again with numpy.save.")
    for _ in range(count):
        picture = np.frombuffer(file.read(each), kind).reshape(shape[1:])
        if kind.kind == "f":
            if not np.all((picture >= -0.001) & (picture <= 1.001)):  # which no NaN passes
                raise UserError("The .npy holds numbers outside 0 to 1: divide by the largest, 255 perhaps.")
            picture = np.rint(255.0 * picture).clip(0, 255).astype(np.uint8)
        picture = picture.transpose(1, 2, 0) if channels_first else picture
        picture = picture[:, :, 0] if picture.shape[2:] == (1,) else picture
        pile.put(Image.fromarray(np.ascontiguousarray(picture)), "")


def _webp_pixels(content: bytes) -> int:
    """Pixels of the canvas that a WebP file asks for; 0 for other files."""
    if content[:4] != b"RIFF" or content[8:15] != b"WEBPVP8":
        return 0
    if content[15:16] == b"X":
        sides = [1 + int.from_bytes(content[at : at + 3], "little") for at in (24, 27)]
    elif content[15:16] == b"L":
        both = int.from_bytes(content[21:25], "little")
        sides = [1 + (both & 0x3FFF), 1 + (both >> 14 & 0x3FFF)]
    else:
        sides = [int.from_bytes(content[at : at + 2], "little") & 0x3FFF for at in (26, 28)]
    return sides[0] * sides[1]


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits as grey of 8; everything else as it is."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))


def _square(image: Image.Image, side: int) -> np.ndarray:
    """The middle of a picture as bytes (side, side, 3), what is transparent on white."""
    width, height = image.size
    edge = min(width, height)
    left, top = (width - edge) // 2, (height - edge) // 2
    middle = image.crop((left, top, left + edge, top + edge))
    middle = middle.convert("RGBA" if middle.has_transparency_data else "RGB")
    whole = side % edge == 0  # pixels become squares, or stay what they are
    small = middle.resize((side, side), Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    return np.asarray(small.convert("RGB"))
