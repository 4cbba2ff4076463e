"""What is taken home: scripts that need torch alone reach the same samples, notebooks and zips are sound."""

import ast
import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from exported import executed, lay_out, trained

from genmodels import checkpoint, export, precision, registry
from genmodels.data import BUNDLED, load
from genmodels.errors import UserError
from genmodels.formats import read_column
from genmodels.models import MODELS
from genmodels.precision import PLAIN, Plan
from genmodels.run import Run
from genmodels.ui import files, live

ROUNDS = 3


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with MNIST as torchvision wants it."""
    lay_out("mnist", folder := tmp_path_factory.mktemp("home"))
    return folder


@pytest.mark.parametrize(
    ("name", "plan", "settings"),
    [
        ("vae", PLAIN, {"warmup": 1000}),
        ("dcgan", Plan(channels_last=True), {"loss": "minimax", "noise": 0.1, "width": 8}),
        ("wgan_gp", PLAIN, {"sides": "one-sided"}),
        ("flow", Plan(channels_last=True), {"width": 8, "solver": "heun", "steps": 2}),
        ("biggan", PLAIN, {"width": 16}),
    ],
)
def test_a_script_reaches_the_same_samples_without_this_package(home, monkeypatch, name, plan, settings):
    monkeypatch.setattr(precision, "THREADS", 1)
    expected = trained(name, "mnist", ROUNDS, plan, path := home / f"{name}.safetensors", **settings)
    text = export.script(checkpoint.load(path), plan)
    assert "genmodels" not in text and max(map(len, text.splitlines())) <= 120
    assert torch.equal(executed(text, home), expected)
    torch.set_num_threads(precision.THREADS)


def test_a_notebook_runs_from_the_first_cell_to_the_last_and_draws_the_same(home, monkeypatch):
    monkeypatch.setattr(precision, "THREADS", 1)
    expected = trained("vae", "mnist", ROUNDS, PLAIN, path := home / "vae.safetensors", width=16)
    assert torch.equal(executed(export.notebook(checkpoint.load(path), PLAIN), home), expected)
    torch.set_num_threads(precision.THREADS)


LONG = {"biggan", "sagan", "sngan", "gmmn", "r3gan"}  # residual networks, attention and kernels need more lines


@pytest.mark.parametrize(
    ("name", "settings"), [*((name, {}) for name in MODELS), ("wgan", {"network": "convolutional"})]
)
def test_every_model_is_written_without_this_package(name, settings, tmp_path):
    _, path = trained_not(name, tmp_path, **settings)
    saved = checkpoint.load(path)
    text = export.script(saved, PLAIN)
    assert len(text.splitlines()) < (320 if name in LONG else 200)
    imported = [n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in ast.parse(text).body
                if isinstance(n, ast.Import | ast.ImportFrom)]  # fmt: skip
    known = {"torch", "torchvision", "collections", "copy", "dataclasses", "functools", "math", "sys"}
    assert {module.split(".")[0] for module in imported} <= known
    compile(text, name, "exec")


def trained_not(name, folder, **settings):
    run = Run(name, "mnist", settings, seed=3, rounds=1, device="cpu", paired=True)
    checkpoint.save(folder / "model.safetensors", run.trainer, "mnist", 3, 0.0)
    return run, folder / "model.safetensors"


def test_notebook_and_zip_hold_the_script_and_the_weights(tmp_path):
    _, path = trained_not("vae", tmp_path)
    saved = checkpoint.load(path)
    cells = json.loads(export.notebook(saved, PLAIN))["cells"]
    assert cells[0]["cell_type"] == "markdown" and len({cell["id"] for cell in cells}) == len(cells) >= 5
    compile("\n".join("".join(cell["source"]) for cell in cells[1:]), "notebook", "exec")
    with zipfile.ZipFile(io.BytesIO(export.parcel(path, PLAIN))) as parcel:
        names = {Path(name).suffix: name for name in parcel.namelist()}
        assert set(names) == {".py", ".ipynb", ".safetensors", ".md"}
        assert parcel.read(names[".safetensors"]) == path.read_bytes()
        assert parcel.read(names[".py"]).decode() == export.script(saved, PLAIN)


def test_the_bundled_part_of_cifar10_follows_its_rule():
    bundle = load("cifar10")
    index = read_column(BUNDLED / "cifar10/train.npz", "index", 50_000).tolist()
    assert not set(index) & set(export.MISSING)
    assert bundle.labels.bincount().tolist() == [export.EACH] * 10
    # In the complete set other images lie in between, of classes that are full by then, and the missing ones.
    last = [max(i for i, label in zip(index, bundle.labels, strict=True) if label == k) for k in range(10)]
    assert set(range(min(last))) - set(index) == {place for place in export.MISSING if place < min(last)}
    whole = SimpleNamespace(data=np.zeros((50_000, 32, 32, 3), np.uint8), targets=np.full(50_000, np.argmin(last)))
    whole.data[index], whole.targets[index] = bundle.images.permute(0, 2, 3, 1).numpy(), bundle.labels.numpy()
    for place in export.MISSING:
        whole.targets[place] = 3
    text = (export.LOAD + export.LOAD_COLOUR + export.LOAD_PART).format(
        name="CIFAR10", each=export.EACH, missing=export.MISSING
    )
    names = {"torch": torch, "Tensor": torch.Tensor, "datasets": SimpleNamespace(CIFAR10=lambda *_, **__: whole)}
    exec(text, names)
    images, labels = names["load"]("data")
    assert torch.equal(images, bundle.images) and torch.equal(labels, bundle.labels)


def test_notes_stand_in_the_script_and_own_pictures_are_refused(tmp_path):
    _, path = trained_not("vae", tmp_path)
    saved = checkpoint.load(path)
    assert "steps = 2 after 640" in export.script(saved, PLAIN, notes=["steps = 2 after 640 images"])
    object.__setattr__(saved, "dataset", "own")
    with pytest.raises(UserError, match="own pictures"):
        export.script(saved, PLAIN)


def test_the_page_hands_out_a_run_under_way():
    request = {"model": "vae", "dataset": "mnist", "settings": {"width": 16}, "seed": 0, "seconds": 30}
    run = registry.find(live.start(request)["run"])
    try:
        run.set("lr", 0.002)
        text = files.taken_home(run, "run.py")
        with zipfile.ZipFile(io.BytesIO(files.taken_home(run, "run.zip"))) as parcel:
            assert len(parcel.namelist()) == 4
    finally:
        run.stop()
    assert "lr = 0.002 after" in text and "by hand" in text and "width = 16" in text
    assert json.loads(files.taken_home(run, "run.ipynb"))["nbformat"] == 4
    assert run.join(20)
