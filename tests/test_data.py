"""The data sets: what is bundled, folders of one's own, sharing."""

import functools
import gzip
import hashlib
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from genmodels import data
from genmodels.errors import UserError

MEGABYTE = 10**6
QUICK = {"lossless": True, "quality": 0, "method": 0}  # the same pixels in a fraction of the seconds
TRAIN, TEST = 30, 20  # images in the small sets made here
DIGESTS = {  # of the images and labels as published, for CIFAR-10 of those chosen for the bundle
    "mnist": ("6510e85a72c3e9475c492d559d3770d2", "240610fa99e73bfa49df8e7fc24d3206"),
    "cifar10": ("50b812d7efffb7f97aab48885ef79e9e", "deaea07f29e31240e2de17595b3c7a75"),
}
LABELS = {
    "mnist": ("d849aedd957fadafb3445f388b0b1004", "c68af35e960ed5d39dce3477a31a5da0"),
    "cifar10": ("629d792b0f1f90a99c6c5911a92f0380", "d2870d0c3e4dc5308333bea9796187fd"),
}
IDX = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.fixture(autouse=True)
def nothing_but_the_bundle(monkeypatch, tmp_path):
    monkeypatch.delenv("GENMODELS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def md5(content):
    return hashlib.md5(content).hexdigest()


def pictures(size, count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, *size), dtype=np.uint8)


def labels(count):
    return (np.arange(count) % 10).astype(np.uint8)


def idx_files():
    files = {}
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        images = pictures((28, 28), count, count)
        files[f"{part}-images-idx3-ubyte"] = struct.pack(">4I", 0x803, count, 28, 28) + images.tobytes()
        files[f"{part}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, count) + labels(count).tobytes()
    return files


def put(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture
def sheets(tmp_path):
    """A folder in the bundle's layout with a few images, laid out as its README says."""
    folder = tmp_path / "some" / "cifar10"
    folder.mkdir(parents=True)
    for part, count in (("train", TRAIN), ("test", TEST)):
        sheet = np.zeros((800, 1280, 3), np.uint8)
        for place, image in enumerate(pictures((3, 32, 32), count, count)):
            row, column = divmod(place, 40)
            sheet[32 * row : 32 * row + 32, 32 * column : 32 * column + 32] = image.transpose(1, 2, 0)
        Image.fromarray(sheet).save(folder / f"{part}-00.webp", **QUICK)
        np.savez(folder / f"{part}.npz", label=labels(count), index=np.arange(5, 5 + count, dtype=np.uint16))
    return folder.parent


def failure(call, *arguments, **named):
    """The one sentence of the UserError that a call ends in."""
    with pytest.raises(UserError) as caught:
        call(*arguments, **named)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text and "Errno" not in text
    return text


def as_made(found, size):
    pairs = ((found.images, found.labels, TRAIN), (found.test_images, found.test_labels, TEST))
    return all(
        np.array_equal(images.numpy(), pictures(size, count, count).reshape(images.shape))
        and np.array_equal(known.numpy(), labels(count))
        for images, known, count in pairs
    )


@pytest.mark.parametrize("name", DIGESTS)
def test_bundled_images_and_labels_are_the_original_ones(name):
    found = data.load(name)
    assert (found.images.dtype, found.labels.dtype) == (torch.uint8, torch.int64)
    assert tuple(md5(part.numpy().tobytes()) for part in (found.images, found.test_images)) == DIGESTS[name]
    assert tuple(md5(part.numpy().tobytes()) for part in (found.labels, found.test_labels)) == LABELS[name]


def test_bundled_mnist_files_unpack_to_the_published_ones():
    folder = data.BUNDLED / "MNIST" / "raw"
    assert {name: md5(gzip.decompress((folder / f"{name}.gz").read_bytes())) for name in IDX} == IDX


def test_bundled_cifar10_has_as_many_of_each_class_and_no_image_twice():
    found = data.load("cifar10")
    assert found.shape == (3, 32, 32)
    assert found.labels.bincount().tolist() == [1000] * 10
    assert found.test_labels.bincount().tolist() == [200] * 10
    for part in (found.images, found.test_images):
        assert len({image.tobytes() for image in part.numpy()}) == len(part)
    for part in ("train", "test"):
        with np.load(data.BUNDLED / "cifar10" / f"{part}.npz") as columns:
            assert (np.diff(columns["index"].astype(int)) > 0).all()


def test_bundle_is_small():
    sizes = [path.stat().st_size for path in data.BUNDLED.rglob("*") if path.is_file()]
    assert len(sizes) >= 18 and sum(sizes) < 40 * MEGABYTE and max(sizes) < 10 * MEGABYTE


def test_describe_says_how_much_of_which_set_from_where(monkeypatch, tmp_path):
    assert data.load("cifar10").describe() == "CIFAR-10, 10,000 of 50,000: bundled"
    assert data.load("mnist").describe() == "MNIST, 60,000 of 60,000: bundled"
    put(tmp_path / "FashionMNIST" / "raw", idx_files())
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))
    assert data.load("fashion_mnist").describe() == f"Fashion-MNIST, 30 of 60,000: {tmp_path}"


def test_unknown_and_missing_sets_say_what_to_do(monkeypatch, tmp_path):
    for call in (data.load, data.download):
        text = failure(call, "imagenet")
        assert "'imagenet'" in text and all(name in text for name in data.NAMES)
    assert "python -m genmodels download fashion_mnist" in failure(data.load, "fashion_mnist")
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path / "mistyped"))
    assert "mistyped" in failure(data.load, "mnist")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_with_idx_files_comes_before_the_cache_and_the_bundle(monkeypatch, tmp_path, zipped):
    files = idx_files()
    if zipped:
        files = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    put(tmp_path / "MNIST" / "raw", files)
    put(data.cache_folder() / "MNIST" / "raw", {})
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))
    found = data.load("mnist")
    assert found.shape == (1, 28, 28) and as_made(found, (28, 28)) and found.source == str(tmp_path)
    assert data.load("cifar10").source == "bundled"  # the folder does not have it


def test_the_cache_comes_before_the_bundle():
    put(data.cache_folder() / "MNIST" / "raw", idx_files())
    assert data.load("mnist").source == str(data.cache_folder())


def test_a_folder_with_sheets_and_a_bundle_made_of_it(monkeypatch, sheets, tmp_path):
    monkeypatch.setenv("GENMODELS_DATA", str(sheets))
    found = data.load("cifar10")
    assert as_made(found, (3, 32, 32))
    save = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", lambda image, path, **options: save(image, path, **(options | QUICK)))
    data.bundle(sheets, tmp_path, train=2, test=1)
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))
    chosen = data.load("cifar10")
    assert torch.equal(chosen.images, found.images[:20]) and torch.equal(chosen.test_images, found.test_images[:10])
    with np.load(tmp_path / "cifar10" / "train.npz") as columns:
        assert columns["index"].tolist() == list(range(5, 25))


def test_four_threads_share_one_reading(monkeypatch):
    count = []

    def slowly(name, folder, source):
        count.append(name)
        time.sleep(0.1)
        return data._read(name, folder, source)

    monkeypatch.setattr(data, "_read_once", functools.lru_cache(maxsize=8)(slowly))
    start = threading.Barrier(4)

    def load(_):
        start.wait(10)
        return data.load("mnist")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(load, range(4)))
    assert len({id(one) for one in found}) == 1 and count == ["mnist"]


def test_labels_of_another_number_of_images(monkeypatch, tmp_path):
    files = idx_files()
    files["train-labels-idx1-ubyte"] = files["t10k-labels-idx1-ubyte"]
    put(tmp_path / "MNIST" / "raw", files)
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))
    assert "train-labels-idx1-ubyte is damaged" in failure(data.load, "mnist")
