"""Fetching the complete sets, from a server of our own on this machine."""

import dataclasses
import gzip
import hashlib
import io
import pickle
import socket
import struct
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from torchvision import datasets

from genmodels import data
from genmodels.errors import UserError

COUNTS = {"train": 30, "t10k": 20}
SIZES = {"fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
each = pytest.mark.parametrize("name", SIZES)


def pixels(name, part):
    count = COUNTS[part]
    return np.random.default_rng(count).integers(0, 256, (count, *SIZES[name]), dtype=np.uint8)


def fashion():
    files = {}
    for part, count in COUNTS.items():
        images = struct.pack(">4I", 0x803, count, 28, 28) + pixels("fashion_mnist", part).tobytes()
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(images)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(struct.pack(">2I", 0x801, count) + bytes(count))
    return files


def batches():
    files = {"batches.meta": pickle.dumps({"label_names": list("abcdefghij")})}
    for file, part in (("data_batch_1", "train"), ("test_batch", "t10k")):
        flat = pixels("cifar10", part).reshape(COUNTS[part], -1)
        files[file] = pickle.dumps({"data": flat, "labels": [0] * COUNTS[part]})
    return files


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for file, content in files.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{file}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def server(monkeypatch):
    """A server of `files` (path -> content, announced size or None), which notes what it was `asked` for."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            if self.path not in self.server.files:
                self.send_error(404)
                return
            content, size = self.server.files[self.path]
            self.send_response(200)
            if size is not None:
                self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        running.files, running.asked = {}, []
        running.address = f"http://127.0.0.1:{running.server_port}/"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def mirror(monkeypatch, tmp_path, server):
    """The server with small sets, their digests and addresses being those that torchvision knows."""
    monkeypatch.delenv("GENMODELS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files, inner = fashion(), batches()
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [server.address])
    monkeypatch.setattr(datasets.FashionMNIST, "resources", [(file, md5(files[file])) for file in files])
    files["cifar.tar.gz"] = archive(inner)
    known = {"url": server.address + "cifar.tar.gz", "filename": "cifar.tar.gz", "tgz_md5": md5(files["cifar.tar.gz"])}
    lists = {"train_list": "data_batch_1", "test_list": "test_batch"}
    known |= {name: [[file, md5(inner[file])]] for name, file in lists.items()}
    for name, value in known.items():
        monkeypatch.setattr(datasets.CIFAR10, name, value)
    monkeypatch.setitem(datasets.CIFAR10.meta, "md5", md5(inner["batches.meta"]))
    for name in SIZES:
        monkeypatch.setitem(data._FACTS, name, dataclasses.replace(data._FACTS[name], whole=COUNTS["train"]))
    monkeypatch.setattr(data, "WHOLE_TEST", COUNTS["t10k"])
    server.files = {f"/{file}": (content, len(content)) for file, content in files.items()}
    return server


def failure(name, folder):
    with pytest.raises(UserError) as caught:
        data.download(name, folder)
    text = str(caught.value)
    assert text.startswith(data._FACTS[name].title) and text.endswith(".")
    assert "\n" not in text and "Errno" not in text and "<" not in text
    return text


def files_in(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


@each
def test_a_downloaded_set_is_found_whole(mirror, monkeypatch, tmp_path, name):
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))
    heard = []
    place = data.download(name, progress=lambda *what: heard.append(what))
    assert place == tmp_path / data._FACTS[name].folders[0]
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".") or path.suffix == ".gz"]
    assert {file: done for file, done, _ in heard} == {path[1:]: len(mirror.files[path][0]) for path in mirror.asked}
    assert all(0 < done <= total for _, done, total in heard)
    found = data.load(name)
    assert found.source == str(tmp_path)
    assert np.array_equal(found.images.numpy(), pixels(name, "train")) and found.images.is_contiguous()
    assert np.array_equal(found.test_images.numpy(), pixels(name, "t10k"))


def test_the_cache_is_the_place_where_none_is_named(mirror):
    with pytest.raises(UserError, match="python -m genmodels download fashion_mnist"):
        data.load("fashion_mnist")
    assert data.download("fashion_mnist") == data.cache_folder() / "FashionMNIST" / "raw"
    assert data.load("fashion_mnist").source == str(data.cache_folder())


@each
def test_a_complete_set_is_kept_and_a_damaged_one_repaired(mirror, tmp_path, name):
    place = data.download(name, tmp_path)
    mirror.asked.clear()
    assert data.download(name, tmp_path) == place and mirror.asked == []
    spoilt = next(path for path in sorted(place.iterdir()) if path.name != "batches.meta")
    content = spoilt.read_bytes()
    spoilt.write_bytes(content[:-1])
    (place / "notes.txt").write_text("mine")
    data.download(name, tmp_path)
    assert mirror.asked and spoilt.read_bytes() == content and (place / "notes.txt").read_text() == "mine"


WRONG = {
    "missing": (lambda content: None, "Not Found"),
    "truncated": (lambda content: (content[:-7], len(content)), "cut short|IncompleteRead"),
    "truncated, size unsaid": (lambda content: (content[:-7], None), "the digest is wrong"),
    "another file": (lambda content: (content[:-1] + b"?", len(content)), "the digest is wrong"),
}


@each
@pytest.mark.parametrize("case", WRONG)
def test_what_a_server_gets_wrong_leaves_nothing_behind(mirror, tmp_path, name, case):
    path = sorted(mirror.files)[0] if name == "cifar10" else sorted(mirror.files)[-1]
    change, reason = WRONG[case]
    answer = change(mirror.files.pop(path)[0])
    if answer:
        mirror.files[path] = answer
    text = failure(name, tmp_path / "new")
    assert mirror.asked and path[1:] in text and any(one in text for one in reason.split("|"))
    assert "check the network and try again" in text and files_in(tmp_path / "new") == []


@each
def test_a_refused_connection(mirror, monkeypatch, tmp_path, name):
    with socket.socket() as closed:  # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [address])
        monkeypatch.setattr(datasets.CIFAR10, "url", address + "cifar.tar.gz")
        text = failure(name, tmp_path / "new")
    assert "Connection refused" in text and files_in(tmp_path / "new") == [] and mirror.asked == []


def test_the_next_mirror_serves_what_the_first_does_not(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [mirror.address + "gone/", mirror.address])
    data.download("fashion_mnist", tmp_path)
    assert len(mirror.asked) == 8 and len(files_in(tmp_path / "FashionMNIST" / "raw")) == 4


def test_more_than_any_set_has_is_not_read_on(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(data, "LARGEST_DOWNLOAD", 2**17)
    mirror.files["/cifar.tar.gz"] = (bytes(2**23), None)
    heard = []
    with pytest.raises(UserError):
        data.download("cifar10", tmp_path, lambda file, done, total: heard.append(done))
    assert 2**17 <= max(heard) < 2**19 and files_in(tmp_path) == []


def test_a_folder_that_cannot_be_written(mirror, tmp_path):
    (tmp_path / "file").write_text("")
    text = failure("fashion_mnist", tmp_path / "file" / "folder")
    assert "could not be written" in text and str(tmp_path / "file" / "folder") in text


def test_a_set_without_all_its_test_images_is_not_complete(mirror, monkeypatch, tmp_path):
    data.download("fashion_mnist", tmp_path)
    mirror.asked.clear()
    monkeypatch.setattr(data, "WHOLE_TEST", COUNTS["t10k"] + 1)
    data.download("fashion_mnist", tmp_path)
    assert len(mirror.asked) == 4


def test_a_set_read_in_part_before_is_read_anew_once_it_is_whole(mirror):
    place = data.cache_folder() / "FashionMNIST" / "raw"
    place.mkdir(parents=True)
    for file, content in fashion().items():
        plain, end = gzip.decompress(content), 16 + 784 if "images" in file else 8 + 1
        (place / file.removesuffix(".gz")).write_bytes(plain[:4] + struct.pack(">I", 1) + plain[8:end])
    assert len(data.load("fashion_mnist").images) == 1
    data.download("fashion_mnist")
    assert len(data.load("fashion_mnist").images) == COUNTS["train"]
