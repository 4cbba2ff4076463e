"""The files the data sets come in: idx, sheets of CIFAR-10 images, CIFAR-10's own batches.

Readers return (images (N, C, H, W) uint8, labels (N,) integers), hold no more memory than the complete set
takes, whatever a file claims, and raise ValueError with the file's name and what is wrong with it.
"""

from __future__ import annotations

import math
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

Part = tuple[np.ndarray, np.ndarray]
SHEET = 1000  # images on a sheet: 25 rows of 40


def read_folder(folder: Path, most: int, most_tests: int) -> list[Part]:
    """Training and test part, at most so many images each, in the format that the folder's name stands for."""
    if folder.name == "raw":
        return [read_idx_pair(folder, "train", most), read_idx_pair(folder, "t10k", most_tests)]
    if folder.name == "cifar10":
        return [read_sheets(folder, "train", most), read_sheets(folder, "test", most_tests)]
    return read_batches(folder)


def read_idx_pair(folder: Path, part: str, most: int) -> Part:
    """Images of 28 x 28 and their labels, at most `most`; `part` is "train" or "t10k"."""
    images = _read_idx(folder / f"{part}-images-idx3-ubyte", (28, 28), most)
    path = folder / f"{part}-labels-idx1-ubyte"
    return images[:, None], _checked(_read_idx(path, (), most), len(images), path)


def _read_idx(path: Path, size: tuple[int, ...], most: int) -> np.ndarray:
    """An idx file, plain or gzipped: magic, number of items, an item's size (big-endian uint32), then bytes."""
    start, each = 8 + 4 * len(size), math.prod(size)
    limit = start + most * each
    if not path.exists() and path.with_name(path.name + ".gz").exists():
        path = path.with_name(path.name + ".gz")
    if _present(path).stat().st_size > limit + 2**16:  # what gzip may add to bytes it cannot compress
        raise ValueError(f"{path} is damaged, being larger than the complete set")
    content = path.read_bytes()
    if path.suffix == ".gz":
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content = unpacker.decompress(content, limit + 1)  # bounded, whatever it would unpack to
        except zlib.error as error:
            raise ValueError(f"{path} is damaged ({error})") from error
        if not unpacker.eof and len(content) <= limit:
            raise ValueError(f"{path} is damaged, being cut short")
    if content[:4] != bytes((0, 0, 8, 1 + len(size))) or len(content) < start:
        raise ValueError(f"{path} is damaged, not beginning as an idx file does")
    count, *found = struct.unpack(f">{1 + len(size)}I", content[4:start])
    if tuple(found) != size or not 0 < count <= most or len(content) != start + count * each:
        raise ValueError(f"{path} is damaged, its header promising {count:,} items that are not there")
    return np.frombuffer(bytearray(content), np.uint8, offset=start).reshape(count, *size)


def read_sheets(folder: Path, part: str, most: int) -> Part:
    """CIFAR-10 images in the bundle's layout, at most `most`; `part` is "train" or "test"."""
    path = folder / f"{part}.npz"
    labels = read_column(path, "label", most)
    images = np.empty((len(labels), 3, 32, 32), np.uint8)
    for start in range(0, len(labels), SHEET):
        sheet = _read_sheet(_present(folder / f"{part}-{start // SHEET:02d}.webp"))
        tiles = sheet.reshape(25, 32, 40, 32, 3).transpose(0, 2, 4, 1, 3).reshape(SHEET, 3, 32, 32)
        images[start : start + SHEET] = tiles[: len(labels) - start]
    return images, _checked(labels, len(images), path)


def write_sheets(folder: Path, part: str, images: np.ndarray, labels: np.ndarray, index: np.ndarray) -> None:
    """What `read_sheets` reads, losslessly; `index` is each image's place in the original order."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / f"{part}.npz", label=labels.astype(np.uint8), index=index.astype(np.uint16))
    for start in range(0, len(images), SHEET):
        tiles = np.zeros((SHEET, 3, 32, 32), np.uint8)
        block = images[start : start + SHEET]
        tiles[: len(block)] = block
        sheet = tiles.reshape(25, 40, 3, 32, 32).transpose(0, 3, 1, 4, 2).reshape(800, 1280, 3)
        path = folder / f"{part}-{start // SHEET:02d}.webp"
        Image.fromarray(sheet).save(path, lossless=True, quality=100, method=6)


def _read_sheet(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        head = file.read(25)
    # lossless WebP has width - 1 and height - 1 in 14 bits each; a decoder would allocate whatever they say
    size = int.from_bytes(head[21:25], "little") & (2**28 - 1)
    if head[12:16] != b"VP8L" or size != 1279 | 799 << 14 or path.stat().st_size > 800 * 1280 * 4:
        raise ValueError(f"{path} is damaged, not being a lossless sheet of 1280 x 800 pixels")
    try:
        with Image.open(path, formats=("WEBP",)) as sheet:
            return np.asarray(sheet.convert("RGB"))
    except Exception as error:  # decoders raise all kinds
        raise ValueError(f"{path} is damaged, its pixels not being readable") from error


def read_column(path: Path, column: str, most: int) -> np.ndarray:
    """One array of an npz file; numpy's own reader would allocate what the header claims, unseen."""
    _present(path)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{column}.npy") as stream:
            np.lib.format.read_magic(stream)
            shape, _, kind = np.lib.format.read_array_header_1_0(stream)
            content = stream.read(2 * most + 1)
    except Exception as error:  # zip, zlib and header parsing raise all kinds
        raise ValueError(f"{path} is damaged, {column} not being readable") from error
    if kind not in (np.uint8, np.uint16) or len(shape) != 1 or len(content) != shape[0] * kind.itemsize:
        raise ValueError(f"{path} is damaged, {column} not being what its header says")
    if not 0 < shape[0] <= most:
        raise ValueError(f"{path} is damaged, having {shape[0]:,} images where 1 to {most:,} can be")
    return np.frombuffer(content, kind)


def read_batches(folder: Path) -> list[Part]:
    """CIFAR-10 as published, training and test part; no pickle is opened before its digest is found right."""
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity

    meta = CIFAR10.meta["filename"], CIFAR10.meta["md5"]
    for file, digest in (*CIFAR10.train_list, *CIFAR10.test_list, meta):
        if not check_integrity(_present(folder / file), digest):
            raise ValueError(f"{folder / file} is damaged, its digest being wrong")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about arrays pickled in 2009
        parts = [CIFAR10(folder.parent, train=train) for train in (True, False)]
    return [(part.data.transpose(0, 3, 1, 2), np.asarray(part.targets)) for part in parts]


def _present(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    return path


def _checked(labels: np.ndarray, count: int, path: Path) -> np.ndarray:
    if len(labels) != count or labels.max() > 9:
        raise ValueError(f"{path} is damaged, not holding a label from 0 to 9 for each of {count:,} images")
    return labels
