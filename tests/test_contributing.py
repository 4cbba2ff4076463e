"""The model that CONTRIBUTING.md shows is a whole one."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from genmodels.models import MODELS
from genmodels.models.base import Batch
from genmodels.run import Run

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
CODE = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1]


@pytest.fixture
def lsgan(monkeypatch):
    module = ModuleType("genmodels.models.lsgan")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(CODE, "CONTRIBUTING.md", "exec"), vars(module))
    monkeypatch.setitem(MODELS, "lsgan", module.LSGAN)
    return module.LSGAN


def test_the_example_is_short():
    assert len(CODE.splitlines()) <= 60


def test_the_example_learns(lsgan):
    run = Run("lsgan", "mnist", {"width": 32, "latent": 8}, rounds=150, device="cpu")
    done = run.run()
    assert done.state == "done", done.message
    losses = done.curves["discriminator_loss"][1]
    assert losses[-1] < losses[0] / 2  # D tells the noise of the start from digits
    assert len(done.pictures) > 2


def test_the_losses_are_those_of_the_paper(lsgan):
    model = lsgan((1, 4, 4), 10, latent=4, width=16)
    scores = iter([torch.tensor([1.0, 0.0]), torch.tensor([0.5, 2.0])])
    model.critic = lambda images: next(scores)
    images = torch.zeros(2, 1, 4, 4)
    batch = Batch(images, torch.zeros(2, dtype=torch.int64), torch.Generator(), 0)
    assert model.discriminator_loss(images, images, batch)["loss"].item() == pytest.approx((0.5 + 4.25 / 2) / 2)
    assert model.generator_loss(torch.tensor([1.0, 0.0])).item() == pytest.approx(0.25)
