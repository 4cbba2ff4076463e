"""Identities of the relativistic pairing loss and its two penalties."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate, softplus

from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.training import Trainer

SHAPES = [(1, 28, 28), (3, 32, 32)]


def batch_of(images):
    return Batch(images, torch.zeros(len(images), dtype=torch.int64), torch.Generator().manual_seed(0))


def pair(count=8, shape=(1, 4, 4), dtype=torch.float64):
    return torch.randn(2, count, *shape, dtype=dtype, generator=torch.Generator().manual_seed(4))


def linear(model, weight):
    model.critic = lambda images, labels=None: images.flatten(1) @ weight


def test_both_losses_are_log_2_where_the_logits_are_equal():
    model = build("r3gan", (1, 28, 28), 10, width=8)
    linear(model, torch.zeros(784))
    batch = batch_of(torch.rand(8, 1, 28, 28))
    for player in model.players():
        assert player.loss(batch)["loss"].item() == pytest.approx(math.log(2), abs=1e-6)


def test_both_losses_at_known_logits():
    model = build("r3gan", (1, 28, 28), 10, gamma=0)
    real, fake = pair()
    linear(model, torch.linspace(-1, 1, 16, dtype=torch.float64))
    logits = [images.flatten(1) @ torch.linspace(-1, 1, 16, dtype=torch.float64) for images in (real, fake)]
    margin = logits[0] - logits[1]  # of the pairs, not of all with all
    expected = -torch.log(torch.sigmoid(margin)).mean().item()
    assert model.discriminator_loss(real, fake, batch_of(real))["loss"].item() == pytest.approx(expected, abs=1e-12)
    model.fakes = lambda batch: fake
    expected = -torch.log(torch.sigmoid(-margin)).mean().item()
    assert model.play_generator(batch_of(real))["loss"].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("every", [1, 3, 16])
def test_penalties_of_a_linear_discriminator_whatever_the_data(every):
    model = build("r3gan", (1, 28, 28), 10, gamma=3, every=every)
    weight = torch.randn(16, dtype=torch.float64)
    linear(model, weight)
    real, fake = pair()
    terms = model.discriminator_loss(real, fake, batch_of(real))
    expected = 1.5 * weight.square().sum().item()
    assert terms["r1"].item() == pytest.approx(expected) and terms["r2"].item() == pytest.approx(expected)
    pairing = softplus(-((real - fake).flatten(1) @ weight)).mean().item()
    assert terms["loss"].item() == pytest.approx(2 * expected + pairing)


@pytest.mark.parametrize(("every", "count"), [(1, 10), (4, 3), (16, 1)])
def test_penalties_sum_over_pixels_and_average_over_their_share_of_the_images(every, count):
    model = build("r3gan", (1, 28, 28), 10, gamma=0.5, every=every)
    model.critic = lambda images, labels=None: images.flatten(1).square().sum(1) / 2  # its gradient is the image
    real, fake = pair(10)
    r1, r2 = model.penalties(real, fake, batch_of(real))
    assert r1.item() == pytest.approx(0.25 * real[:count].square().sum().item() / count)
    assert r2.item() == pytest.approx(0.25 * fake[:count].square().sum().item() / count)


def test_gradient_of_the_penalties_agrees_with_finite_differences():
    model = build("r3gan", (1, 28, 28), 10, gamma=2, every=2)
    real, fake = pair(6, (1, 3, 3))

    def penalty(first, second):
        model.critic = lambda images, labels=None: torch.tanh(images.flatten(1) @ first) @ second
        return sum(model.penalties(real, fake, batch_of(real)))

    generator = torch.Generator().manual_seed(2)
    weights = [torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_() for size in [(9, 5), (5,)]]
    assert torch.autograd.gradcheck(penalty, weights, atol=1e-6)


def test_penalties_keep_full_precision_under_autocast():
    model = build("r3gan", (1, 28, 28), 10, width=8)
    real, fake = pair(8, (1, 28, 28), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = model.penalties(real, fake, batch_of(real))
    expected = model.double().penalties(real.double(), fake.double(), batch_of(real))
    assert [term.item() for term in found] == pytest.approx([term.item() for term in expected], rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_signals_keep_their_size_without_normalisation(shape):
    model = build("r3gan", shape, 10, width=32)
    assert not any("Norm" in type(module).__name__ for module in model.modules())
    blocks = [block for network in (model.generator, model.discriminator) for block in network.blocks]
    zero, sizes = {block.last for block in blocks}, []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and layer not in zero:
            layer.register_forward_hook(lambda module, inputs, output: sizes.append(output.std().item()))
    generator, labels = torch.Generator().manual_seed(0), torch.arange(64) % 10
    model.sample(model.latents(64, generator), labels)
    logits = model.critic(torch.randn(64, *shape, generator=generator), labels)
    assert len(sizes) >= 6 and all(0.4 < size < 3 for size in sizes)
    assert 0.1 < logits.std() < 10


def test_a_block_is_its_past_alone_at_first():
    model = build("r3gan", (1, 28, 28), 10, width=8)
    x = torch.randn(2, 16, 7, 7, generator=torch.Generator().manual_seed(0))
    larger, smaller = model.generator.blocks[0], model.discriminator.blocks[0]
    torch.testing.assert_close(larger(x), interpolate(larger.past(x), scale_factor=2))
    x = x[:, :8].repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(smaller(x), smaller.past(x[:, :, ::2, ::2]))


def test_networks_mirror_each_other_and_know_the_class():
    model = build("r3gan", (3, 32, 32), 10)
    z, labels = model.latents(10, torch.Generator().manual_seed(0)), torch.arange(10)
    with torch.no_grad():
        images = model.sample(z[:1].expand(10, -1), labels)
        logits = model.critic(images[:1].expand(10, -1, -1, -1), labels)
    assert images.shape == (10, 3, 32, 32) and len({image.sum().item() for image in images}) == 10
    assert len(set(logits.tolist())) == 10
    widths = [[layer.past.weight.shape[:2] for layer in net.blocks] for net in (model.generator, model.discriminator)]
    assert [tuple(reversed(pair)) for pair in widths[0][::-1]] == [tuple(pair) for pair in widths[1]]


def test_players_have_no_first_momentum():
    for player in build("r3gan", (1, 28, 28), 10).players():
        assert player.optimizer(player.parameters, lr=player.lr).defaults["betas"][0] == 0


def test_the_players_pull_the_margin_apart_and_leave_each_other_alone():
    images = torch.full((64, 1, 28, 28), 200, dtype=torch.uint8)
    labels = torch.zeros(64, dtype=torch.int64)
    trainer = Trainer(build("r3gan", (1, 28, 28), 10, width=8, batch=32), images, labels, device="cpu")
    model, margins = trainer.model, []
    batch = batch_of(model.from_uint8(images))
    for player in ("discriminator", "generator"):
        for _ in range(10):
            trainer.round(only=player)
        with torch.no_grad():
            margins.append(model.margin(batch.images, model.fakes(batch), batch).mean().item())
    assert margins[0] > 0 and margins[1] < margins[0]
    trainer.model.requires_grad_(True)
    trainer.model.zero_grad()
    model.players()[0].loss(batch)["loss"].backward()
    assert all(parameter.grad is None for parameter in model.generator.parameters())
