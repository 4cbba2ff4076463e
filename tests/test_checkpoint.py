"""Files: what goes in comes out, and whatever else comes in gets one sentence and little memory."""

import json
import os
import random
import struct
import tracemalloc

import pytest
import torch
from safetensors.torch import load_file, save_file

from genmodels import checkpoint, writing
from genmodels.errors import UserError
from genmodels.models import MODELS, build, can
from genmodels.models.base import settings_of
from genmodels.training import Trainer

NARROW = {"width": 16, "channels": 8, "batch": 16}


def trained(name="gan", seed=3, rounds=3):
    known = settings_of(MODELS[name])
    model = build(name, (1, 28, 28), 10, seed, **{key: value for key, value in NARROW.items() if key in known})
    images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    trainer = Trainer(model, images, torch.arange(64) % 10, seed, "cpu")
    for _ in range(rounds):
        trainer.round()
    return trainer


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "gan.safetensors"
    checkpoint.save(path, trained(), "mnist", 3, 1.5)
    return path


def parts(path):
    """Header as a dict, and the bytes after it."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put(path, header, body):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_a_file_gives_back_the_same_model_to_the_last_bit(name, tmp_path):
    trainer = trained(name)
    checkpoint.save(tmp_path / "file.safetensors", trainer, "mnist", 3, 1.5)
    saved = checkpoint.load(tmp_path / "file.safetensors")
    view = trainer.view()
    assert (saved.model.name, saved.dataset, saved.seed, saved.seconds) == (name, "mnist", 3, 1.5)
    assert (saved.rounds, saved.images, saved.can_resume) == (3, trainer.seen, True)
    assert saved.model.settings() == view.settings() and not saved.model.training
    images, labels = torch.rand(5, 1, 28, 28), torch.arange(5)
    with torch.no_grad():
        if can(view, "sample"):
            z = view.latents(5, torch.Generator().manual_seed(0))
            assert torch.equal(saved.model.sample(z, labels), view.sample(z, labels))
        if can(view, "reconstruct"):
            assert torch.equal(saved.model.reconstruct(images, labels), view.reconstruct(images, labels))
        if can(view, "critic"):
            assert torch.equal(saved.model.critic(images, labels), view.critic(images, labels))
    again = trained(name, rounds=0)
    again.restore(saved.state)
    trainer.round()
    again.round()
    whole, resumed = trainer.state(), again.state()
    assert set(whole) == set(resumed)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole if key != "counters")  # they hold seconds


def test_weights_alone_in_half_precision_can_be_sampled_but_not_resumed(good, tmp_path):
    header, _ = parts(good)
    weights = {k: v for k, v in load_file(good).items() if k.startswith("average.")}
    halves = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    save_file(halves, tmp_path / "half.safetensors", header["__metadata__"])
    saved = checkpoint.load(tmp_path / "half.safetensors")
    assert not saved.can_resume
    assert {p.dtype for p in saved.model.parameters()} == {torch.float32}
    assert saved.model.sample(torch.randn(2, saved.model.latent)).isfinite().all()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(good, tmp_path, monkeypatch):
    path = tmp_path / "file.safetensors"
    path.write_bytes(good.read_bytes())

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        checkpoint.save(path, trained(), "mnist", 3, 1.5)
    assert path.read_bytes() == good.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["file.safetensors"]


def test_a_place_that_cannot_be_written_gets_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        checkpoint.save(tmp_path / "file" / "below.safetensors", trained(), "mnist", 3, 1.5)


@pytest.mark.parametrize("keep", [0, 5, 8, 100, 5000, -1])
def test_truncated_files_get_a_sentence(good, tmp_path, keep):
    path = tmp_path / "short.safetensors"
    path.write_bytes(good.read_bytes()[:keep])
    with pytest.raises(UserError, match="not a sound safetensors file"):
        checkpoint.load(path)


def test_foreign_files_get_a_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        checkpoint.load(tmp_path / "none")
    with pytest.raises(UserError, match="cannot be read"):
        checkpoint.load(tmp_path)
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="was not saved by this program"):
        checkpoint.load(tmp_path / "other.safetensors")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="not a file"):
        checkpoint.load(tmp_path / "pipe")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    with pytest.raises(UserError, match="not a sound safetensors file"):
        checkpoint.load(tmp_path / "picture.png")


def test_numbers_that_are_not_finite_get_a_sentence(good, tmp_path):
    header, _ = parts(good)
    tensors = load_file(good)
    tensors["average.generator.linear.0.weight"][0, 0] = float("nan")
    save_file(tensors, tmp_path / "nan.safetensors", header["__metadata__"])
    with pytest.raises(UserError, match="not finite"):
        checkpoint.load(tmp_path / "nan.safetensors")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shape", "[1, 100000, 100000]"),
        ("shape", "[1, 28]"),
        ("shape", "[true, 28, 28]"),
        ("shape", "7"),
        ("shape", "[" * 5000),
        ("classes", "1000000000"),
        ("classes", "-3"),
        ("settings", "[]"),
        ("settings", "{"),
        ("settings", '{"width": 1000000000}'),
        ("settings", '{"width": 1e400}'),
        ("settings", '{"nonsense": 1}'),
        ("settings", '{"shape": 1}'),
        ("settings", '{"seed": "x"}'),
        ("rounds", "4"),
        ("model", "__init__"),
        ("model", "vae"),
        ("seed", "x"),
        ("seconds", "nan"),
        ("images", "-1"),
    ],
)
def test_lying_descriptions_get_a_sentence(good, tmp_path, key, value):
    header, body = parts(good)
    header["__metadata__"][key] = value
    with pytest.raises(UserError):
        checkpoint.load(put(tmp_path / "lie.safetensors", header, body))
    del header["__metadata__"][key]
    with pytest.raises(UserError):
        checkpoint.load(put(tmp_path / "lie.safetensors", header, body))


def test_hostile_headers_get_a_sentence_and_little_memory(good, tmp_path):
    header, body = parts(good)
    name = "average.generator.linear.0.weight"
    span = header[name]["data_offsets"]
    hostile = {
        "length": struct.pack("<Q", 2**62) + bytes(1000),
        "twins": json.dumps(header).encode().replace(b'"counters"', f'"{name}"'.encode()),
        "many": b"{" + b",".join(b'"%d":{}' % i for i in range(100_000)) + b"}",
        "huge": header | {name: {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": span}},
        "negative": header | {name: {"dtype": "F32", "shape": [-8, -64], "data_offsets": span}},
        "gap": header | {name: header[name] | {"data_offsets": [span[0] + 4, span[1] + 4]}},
        "overlap": header | {name: header[name] | {"data_offsets": [0, span[1] - span[0]]}},
        "three": header | {name: header[name] | {"data_offsets": [*span, 0]}},
        "one": header | {name: header[name] | {"data_offsets": span[:1]}},
        "dtype": header | {name: header[name] | {"dtype": "F8"}},
        "text": header | {name: header[name] | {"shape": "wide"}},
        "list": [1, 2, 3],
        "deep": b"[" * 100_000,
        "extra": header | {"average.more": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}},
    }
    tracemalloc.start()
    for case, content in hostile.items():
        path = tmp_path / f"{case}.safetensors"
        if case == "length":
            path.write_bytes(content)
        else:
            put(path, content, body)
        with pytest.raises(UserError):
            checkpoint.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_flipped_bytes_never_give_a_traceback(good, tmp_path):
    content = good.read_bytes()
    length = int.from_bytes(content[:8], "little") + 8
    chance = random.Random(0)
    failed = 0
    for _ in range(300):
        mutant = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            mutant[chance.randrange(length)] = chance.randrange(256)
        path = tmp_path / "mutant.safetensors"
        path.write_bytes(mutant)
        try:
            checkpoint.load(path)
        except UserError:
            failed += 1
    assert failed > 100
