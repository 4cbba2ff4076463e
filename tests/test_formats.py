"""The readers against the source of the bundle, torchvision, random changes, and pickles that would run code."""

import gzip
import hashlib
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import datasets

from genmodels import data, formats
from genmodels.errors import UserError

SOURCE = Path(__file__).parents[2] / "shared" / "data" / "cifar10"  # nearly all of CIFAR-10, where it is at hand
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(values):
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_mnist(folder, pack=bytes, suffix=""):
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(images)))
        (folder / f"{part}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(np.arange(3, dtype=np.uint8))))


@pytest.mark.skipif(not SOURCE.is_dir(), reason="the images that the bundle was chosen from are not at hand")
@pytest.mark.parametrize(("part", "most", "each"), [("train", 50_000, 1000), ("test", 10_000, 200)])
def test_the_bundle_has_the_first_images_of_each_class_pixel_by_pixel(part, most, each):
    images, labels = formats.read_sheets(data.BUNDLED / "cifar10", part, most)
    all_images, all_labels = formats.read_sheets(SOURCE, part, most)
    index = formats.read_column(data.BUNDLED / "cifar10" / f"{part}.npz", "index", most)
    rows = np.flatnonzero(np.isin(formats.read_column(SOURCE / f"{part}.npz", "index", most), index))
    assert np.array_equal(all_images[rows], images) and np.array_equal(all_labels[rows], labels)
    for label in range(10):
        assert np.array_equal(rows[labels == label], np.flatnonzero(all_labels == label)[:each])


def test_torchvision_reads_the_same(monkeypatch, tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw")
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))
    theirs, ours = datasets.MNIST(tmp_path), data.load("mnist")
    assert torch.equal(theirs.data, ours.images[:, 0]) and torch.equal(theirs.targets, ours.labels)


class Hostile:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_no_pickle_is_opened_before_its_digest_is_found_right(monkeypatch, tmp_path):
    folder, mark = tmp_path / "cifar-10-batches-py", tmp_path / "it ran"
    folder.mkdir()
    sound = pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1], "label_names": list("abcdefghij")})
    digest = hashlib.md5(sound).hexdigest()
    names = [name for name, _ in (*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list)]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[name, digest] for name in names[:5]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [[name, digest] for name in names[5:]])
    monkeypatch.setitem(datasets.CIFAR10.meta, "md5", digest)
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))
    for name in (*names, "batches.meta"):
        (folder / name).write_bytes(sound)
    assert data.load("cifar10").labels.tolist() == [0, 1] * 5
    data._read_once.cache_clear()
    for name in (*names, "batches.meta"):
        (folder / name).write_bytes(pickle.dumps(Hostile(mark)))
        with pytest.raises(UserError) as caught:
            data.load("cifar10")
        assert str(caught.value).startswith(f"{folder / name} is damaged, its digest being wrong: fetch the set")
        (folder / name).write_bytes(sound)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Hostile(mark)))
    assert mark.exists()  # it would have


def test_a_wrong_checksum_of_gzip_is_seen(tmp_path):
    write_mnist(tmp_path / "raw", gzip.compress, ".gz")
    path = tmp_path / "raw" / f"{IMAGES}.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{IMAGES}.gz is damaged"):
        formats.read_idx_pair(tmp_path / "raw", "train", 60_000)


def test_a_folder_in_the_place_of_a_file_counts_as_missing(tmp_path):
    write_mnist(tmp_path / "raw")
    (tmp_path / "raw" / LABELS).unlink()
    (tmp_path / "raw" / LABELS).mkdir()
    with pytest.raises(ValueError, match=f"{LABELS} is missing"):
        formats.read_idx_pair(tmp_path / "raw", "train", 60_000)


@pytest.mark.parametrize("name", [None, ["mnist"], {}, 7, "", "../mnist", "MNIST", "x" * 10**6])
def test_anything_for_a_name_gets_a_short_sentence(name):
    with pytest.raises(UserError) as caught:
        data.load(name)
    assert "choose one of mnist, fashion_mnist, cifar10." in str(caught.value) and len(str(caught.value)) < 150


@pytest.fixture(scope="module")
def sound_files(tmp_path_factory):
    """One small set in every layout that has no pickles."""
    root = tmp_path_factory.mktemp("sound")
    write_mnist(root / "plain")
    write_mnist(root / "packed", gzip.compress, ".gz")
    blank = np.zeros((3, 3, 32, 32), np.uint8)
    formats.write_sheets(root / "sheets", "train", blank, np.arange(3), np.arange(3))
    return root


READERS = {
    f"plain/{IMAGES}": formats.read_idx_pair,
    f"packed/{LABELS}.gz": formats.read_idx_pair,
    "sheets/train.npz": formats.read_sheets,
    "sheets/train-00.webp": formats.read_sheets,
}


@settings(max_examples=120, deadline=None)
@given(random=st.data())
def test_a_file_changed_at_random_is_read_whole_or_refused_by_name(sound_files, tmp_path_factory, random):
    changed = random.draw(st.sampled_from(sorted(READERS)))
    folder = tmp_path_factory.mktemp("changed") / "set"
    shutil.copytree((sound_files / changed).parent, folder)
    path = folder / Path(changed).name
    content = bytearray(path.read_bytes())
    for place in random.draw(st.lists(st.integers(0, min(len(content), 300) - 1), max_size=4)):
        content[place] = random.draw(st.integers(0, 255))
    path.write_bytes(content[: random.draw(st.one_of(st.none(), st.integers(0, len(content))))])
    try:
        images, labels = READERS[changed](folder, "train", 50_000)
    except ValueError as error:
        assert str(error).startswith(str(folder)) and ("is damaged" in str(error) or "is missing" in str(error))
    else:
        assert images.dtype == np.uint8 and len(images) == len(labels) > 0 and labels.max() < 10
