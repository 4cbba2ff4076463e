"""Files of the data sets that are damaged, missing or made to harm: one sentence, no large allocation."""

import gzip
import io
import struct
import tracemalloc
import zipfile

import pytest
from PIL import Image

from genmodels import data
from genmodels.errors import UserError

MEGABYTE = 10**6
# Beside the file itself: nothing for a plain idx file, at most the complete set, twice while it grows, for a gzipped
# one, and the bundle's 10,000 images with one sheet for CIFAR-10.
ALLOWED = {"": 1, ".gz": 100, ".webp": 50, ".npz": 50}
FOLDERS = {"mnist": ("MNIST", "raw"), "cifar10": ("cifar10",)}


def header(count, height=28, width=28, magic=0x803):
    return struct.pack(">4I", magic, count, height, width)


def npz(claimed, kind="|u1", content=bytes(10_000)):
    """An npz file whose label array claims a shape and a kind that its content need not have."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {claimed}, }}".ljust(117) + "\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("label.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + content)
    return stream.getvalue()


def another_sheet():
    stream = io.BytesIO()
    Image.new("RGB", (640, 1600)).save(stream, "webp", lossless=True)
    return stream.getvalue()


BIG = bytes(64 * MEGABYTE)
IDX_DAMAGE = {
    "empty": lambda good: b"",
    "short header": lambda good: good[:10],
    "short": lambda good: good[:-1],
    "longer": lambda good: good + b"\0",
    "another magic": lambda good: header(60_000, magic=0x801) + good[16:],
    "4 billion images": lambda good: header(2**32 - 1) + good[16:800],
    "4 billion pixels": lambda good: header(60_000, 2**16 - 1, 2**16 - 1) + good[16:800],
    "no images": lambda good: header(0),
    "60,001 images": lambda good: header(60_001) + bytes(60_001 * 784),
    "larger than the set": lambda good: good + BIG,
}
ZIPPED_DAMAGE = {
    "not gzip": lambda good: good,
    "short gzip": lambda good: gzip.compress(good)[:-20],
    "bad gzip": lambda good: gzip.compress(good)[:30] + bytes(40) + gzip.compress(good)[70:],
    "bomb": lambda good: gzip.compress(header(60_000) + 4 * BIG, 1),
    "4 billion zipped": lambda good: gzip.compress(header(2**32 - 1) + good[16:800]),
}
SHEET_DAMAGE = {
    "short": lambda good: good[: len(good) // 2],
    "not WebP": lambda good: b"GIF89a" + good[6:],
    "16,384 x 16,384 pixels": lambda good: good[:21] + b"\xff\xff\xff\x0f" + good[25:],
    "640 x 1600 pixels": lambda good: another_sheet(),
    "larger than its pixels": lambda good: good + BIG,
}
COLUMN_DAMAGE = {
    "not npz": lambda good: b"no zip",
    "short": lambda good: good[:-10],
    "4 billion labels": lambda good: npz("(4294967295,)"),
    "labels of 256 MB": lambda good: npz("(10000,)", content=4 * BIG),
    "pickled objects": lambda good: npz("(10000,)", "|O"),
    "a label 10": lambda good: npz("(10000,)", content=b"\n" * 10_000),
    "no labels": lambda good: npz("(0,)", content=b""),
    "too many labels": lambda good: npz("(50001,)", content=bytes(50_001)),
}
CASES = [
    *(("train-images-idx3-ubyte", key, damage) for key, damage in IDX_DAMAGE.items()),
    *(("train-images-idx3-ubyte.gz", key, damage) for key, damage in ZIPPED_DAMAGE.items()),
    *(("train-00.webp", key, damage) for key, damage in SHEET_DAMAGE.items()),
    *(("train.npz", key, damage) for key, damage in COLUMN_DAMAGE.items()),
]


@pytest.fixture
def folder_of(monkeypatch, tmp_path):
    """A function that makes a folder of one's own with the bundled files of a set, but for one."""
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))

    def make(name, left_out):
        folder = tmp_path.joinpath(*FOLDERS[name])
        folder.mkdir(parents=True)
        for path in data.BUNDLED.joinpath(*FOLDERS[name]).iterdir():
            if path.name.removesuffix(".gz") != left_out.removesuffix(".gz"):
                (folder / path.name).symlink_to(path)
        return folder

    return make


def good(file):
    """A sound file of that name: blank MNIST images, labels 0, the bundled sheet."""
    if file.startswith("train-images"):
        return header(60_000) + bytes(60_000 * 784)
    return npz("(10000,)") if file.endswith(".npz") else (data.BUNDLED / "cifar10" / file).read_bytes()


def set_of(file):
    return "mnist" if "idx" in file else "cifar10"


@pytest.mark.parametrize(
    "file", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-00.webp", "train.npz"]
)
def test_sound_files_in_the_same_places_are_read(folder_of, file):
    content = gzip.compress(good(file), 1) if file.endswith(".gz") else good(file)
    (folder_of(set_of(file), file) / file).write_bytes(content)
    found = data.load(set_of(file))
    assert len(found.images) in (60_000, 10_000)
    assert not found.images.any() if "idx" in file else found.images.any()


@pytest.mark.parametrize(("file", "damage"), [(a, c) for a, _, c in CASES], ids=[f"{a}: {b}" for a, b, _ in CASES])
def test_damaged_files_are_named_and_take_little_memory(folder_of, file, damage):
    name, content = set_of(file), damage(good(file))
    path = folder_of(name, file) / file
    path.write_bytes(content)
    size = len(content)
    del content
    tracemalloc.start()
    with pytest.raises(UserError) as caught:
        data.load(name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = str(caught.value)
    assert f"{path} is damaged" in text and text.endswith(
        f"'python -m genmodels download {name}' or move {path.parent} away."
    )
    assert "\n" not in text
    assert peak < 2 * size + ALLOWED[path.suffix] * MEGABYTE


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-09.webp", "test.npz"])
def test_missing_files_are_named(folder_of, file):
    path = folder_of(set_of(file), file) / file
    with pytest.raises(UserError) as caught:
        data.load(set_of(file))
    assert f"{path} is missing: fetch the set" in str(caught.value)
