"""Identities of the adversarial models, each against a closed form."""

import math

import pytest
import torch
from torch import nn

from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.training import Trainer

GANS = ["gan", "cgan", "dcgan", "wgan", "wgan_gp"]


def batch_of(images, seed=0):
    return Batch(images, torch.zeros(len(images), dtype=torch.int64), torch.Generator().manual_seed(seed))


def linear_critic(model, weight):
    """Puts the critic f(x) = w . x into a model."""
    model.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(weight.numel(), 1, bias=False)).to(weight.dtype)
    model.discriminator[1].weight.data = weight.view(1, -1)


# GAN


def test_value_of_an_undecided_discriminator():
    model = build("gan", (1, 4, 4), 10)
    model.critic = lambda images, labels, generator: torch.zeros(len(images))
    x = torch.randn(8, 1, 4, 4)
    assert model.value(x, x, batch_of(x)).item() == pytest.approx(-2 * math.log(2), abs=1e-6)


def test_value_of_the_best_discriminator_is_the_jensen_shannon_divergence():
    # p = N(0, 1), q = N(1, 1): the best logit is log p - log q = 1/2 - x.
    p, q = torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(1.0, 1.0)
    grid = torch.linspace(-12, 13, 200_001, dtype=torch.float64)
    a, b = p.log_prob(grid).exp(), q.log_prob(grid).exp()
    mixed = (a + b) / 2
    js = torch.trapezoid(torch.xlogy(a, a / mixed) + torch.xlogy(b, b / mixed), grid).item() / 2
    model = build("gan", (1, 1, 1), 10)
    model.critic = lambda images, labels, generator: 0.5 - images.flatten()
    generator = torch.Generator().manual_seed(1)
    count = 400_000
    real = torch.randn(count, 1, 1, 1, generator=generator, dtype=torch.float64)
    fake = torch.randn(count, 1, 1, 1, generator=generator, dtype=torch.float64) + 1
    value = model.value(real, fake, batch_of(real)).item()
    assert value == pytest.approx(2 * js - 2 * math.log(2), abs=4e-3)
    # Any other discriminator gives less: the bound is one.
    model.critic = lambda images, labels, generator: 0.3 - 2 * images.flatten()
    assert model.value(real, fake, batch_of(real)).item() < value - 0.05


def test_held_out_bound_is_at_most_log_2():
    model = build("gan", (1, 4, 4), 10, width=16)
    x = torch.rand(64, 1, 4, 4)
    assert model.held_out(batch_of(x))["js_bound"].item() <= math.log(2)


def test_minimax_gradient_vanishes_where_the_discriminator_is_sure_and_the_other_does_not():
    for loss, expected in [("minimax", 0.0), ("non-saturating", -1.0)]:
        model = build("gan", (1, 4, 4), 10, loss=loss, width=16)
        scores = torch.full((4,), -20.0, requires_grad=True)
        (gradient,) = torch.autograd.grad(model.generator_loss(scores), scores)
        assert gradient.sum().item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
def test_both_losses_agree_with_the_paper(loss):
    model = build("gan", (1, 4, 4), 10, loss=loss, width=16)
    scores = torch.linspace(-3, 3, 7, dtype=torch.float64)
    sigma = torch.sigmoid(scores)
    expected = torch.log(1 - sigma).mean() if loss == "minimax" else -torch.log(sigma).mean()
    assert model.generator_loss(scores).item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("name", GANS)
def test_the_generator_moves_so_that_the_opponent_believes_more(name):
    model = build(name, (1, 28, 28), 10, seed=1, batch=64)
    images = torch.rand(64, 1, 28, 28) * 2 - 1
    model.eval()
    player = model.players()[1]
    assert player.name == "generator"
    with torch.no_grad():
        before = model.critic(model.fakes(batch_of(images)), batch_of(images).labels).mean()
    loss = player.loss(batch_of(images))["loss"]
    gradients = torch.autograd.grad(loss, player.parameters)
    size = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
    with torch.no_grad():
        for parameter, gradient in zip(player.parameters, gradients, strict=True):
            parameter -= 1e-3 * gradient / size
        after = model.critic(model.fakes(batch_of(images)), batch_of(images).labels).mean()
    assert after > before


@pytest.mark.parametrize("name", GANS)
def test_the_opponent_learns_to_tell_real_from_fake(name):
    images = torch.full((64, 1, 28, 28), 200, dtype=torch.uint8)
    trainer = Trainer(build(name, (1, 28, 28), 10, batch=32), images, torch.zeros(64, dtype=torch.int64), device="cpu")
    opponent = trainer.model.players()[0].name
    for _ in range(10):
        trainer.round(only=opponent)
    model = trainer.model.eval()
    batch = batch_of(model.from_uint8(images))
    with torch.no_grad():
        assert model.critic(batch.images, batch.labels).mean() > model.critic(model.fakes(batch), batch.labels).mean()


@pytest.mark.parametrize("name", GANS)
def test_real_and_fake_never_share_a_batch(name):
    model = build(name, (1, 28, 28), 10, batch=16)
    sizes = []
    model.discriminator.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    images = torch.rand(16, 1, 28, 28)
    model.players()[0].loss(batch_of(images))
    assert len(sizes) >= 2 and set(sizes) == {16}


@pytest.mark.parametrize("name", GANS)
def test_the_opponents_step_leaves_no_gradient_in_the_generator(name):
    model = build(name, (1, 28, 28), 10, batch=16)
    model.players()[0].loss(batch_of(torch.rand(16, 1, 28, 28)))["loss"].backward()
    assert all(parameter.grad is None for parameter in model.generator.parameters())


@pytest.mark.parametrize("name", GANS)
def test_instance_noise_falls_to_nothing_and_is_the_same_for_both(name):
    model = build(name, (1, 28, 28), 10, noise=0.4, noise_images=1000, batch=16)
    zeros = torch.zeros(256, 1, 28, 28)
    for seen, sigma in [(0, 0.4), (500, 0.2), (1000, 0.0), (5000, 0.0)]:
        batch = Batch(zeros, zeros[:, 0, 0, 0].long(), torch.Generator().manual_seed(0), seen)
        assert model.blur(zeros, batch).std().item() == pytest.approx(sigma, rel=0.02)
    model.sample = lambda z, labels: torch.zeros(len(z), 1, 28, 28)
    fake = model.fakes(Batch(zeros, zeros[:, 0, 0, 0].long(), torch.Generator().manual_seed(0), 0))
    assert fake.std().item() == pytest.approx(0.4, rel=0.02)


@pytest.mark.parametrize("name", ["gan", "dcgan"])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_one_batch_for_both_changes_the_scores_where_there_is_batch_norm(name, norm):
    settings = {"norm" if name == "dcgan" else "discriminator_norm": norm}
    real, fake = torch.rand(2, 16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    real = real * 2 - 1
    found = {}
    for mixed in (False, True):
        model = build(name, (1, 28, 28), 10, seed=1, mixed=mixed, **settings)
        found[mixed] = torch.stack(model.logits(real, fake, batch_of(real)))
    assert torch.allclose(found[False], found[True], atol=1e-4) == (norm == "none")


@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_one_batch_for_both_is_asked_for_and_keeps_them_in_order(name):
    model = build(name, (1, 28, 28), 10, mixed=True)
    sizes = []
    model.discriminator.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    images = torch.rand(16, 1, 28, 28)
    model.players()[0].loss(batch_of(images))
    model.players()[1].loss(batch_of(images))
    assert sizes == [32, 16]  # the generator's step sees fakes alone
    model.critic = lambda images, labels, generator: images.flatten(1).mean(1)
    real, fake = model.logits(torch.ones(4, 1, 2, 2), torch.zeros(4, 1, 2, 2), batch_of(torch.ones(4, 1, 2, 2)))
    assert real.eq(1).all() and fake.eq(0).all()
    assert build(name, (1, 28, 28), 10).mixed is False


def test_normalisation_in_the_discriminator_of_a_fully_connected_gan():
    kinds = {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
    for norm, kind in kinds.items():
        layers = build("gan", (1, 28, 28), 10, discriminator_norm=norm).discriminator.norm or [nn.Identity()]
        assert {type(layer) for layer in layers} == {kind}


# CGAN


@pytest.mark.parametrize("labels", ["projection", "concatenation"])
def test_the_label_enters_both_players(labels):
    model = build("cgan", (1, 28, 28), 10, labels=labels).eval()
    x = torch.rand(4, 1, 28, 28)
    z = torch.randn(4, model.latent)
    first, second = torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
    assert not torch.allclose(model.critic(x, first), model.critic(x, second))
    assert not torch.allclose(model.sample(z, first), model.sample(z, second))


# DCGAN


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_the_five_changes_of_dcgan(shape):
    model = build("dcgan", shape, 10)
    generator, discriminator = list(model.generator.layers), list(model.discriminator.layers)
    everything = list(model.modules())
    assert not any("Pool" in type(m).__name__ or isinstance(m, nn.Linear) for m in everything)
    up = [m for m in generator if isinstance(m, nn.ConvTranspose2d)]
    down = [m for m in discriminator if isinstance(m, nn.Conv2d)]
    assert all(m.stride == (2, 2) for m in up[1:]) and all(m.stride == (2, 2) for m in down[:-1])
    # Batch norm after every layer but the generator's last and the discriminator's first (and its output).
    assert [type(m) for m in generator] == [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU] * (len(up) - 1) + [
        nn.ConvTranspose2d
    ]
    middle = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU] * (len(down) - 2)
    assert [type(m) for m in discriminator] == [nn.Conv2d, nn.LeakyReLU, *middle, nn.Conv2d]
    assert {m.negative_slope for m in everything if isinstance(m, nn.LeakyReLU)} == {0.2}
    sizes = [m.shape[-1] for m in feature_maps(model)]
    assert sizes == ([7, 14, 28] if shape[1] == 28 else [4, 8, 16, 32])
    for m in [*up, *down]:
        assert m.weight.std().item() == pytest.approx(0.02, rel=0.2)


def feature_maps(model):
    x, maps = torch.randn(2, model.latent, 1, 1), []
    for layer in model.generator.layers:
        x = layer(x)
        maps += [x] if isinstance(layer, nn.ConvTranspose2d) else []
    return maps


@pytest.mark.parametrize("name", GANS)
def test_batch_norm_has_a_small_eps_and_its_usual_momentum(name):
    for module in build(name, (1, 28, 28), 10).modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.eps == 1e-5 and module.momentum == 0.1


# WGAN


def test_critic_weights_lie_within_the_clip_after_every_step():
    images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8)
    for network in ("connected", "convolutional"):
        model = build("wgan", (1, 28, 28), 10, network=network, channels=8, width=32, batch=16)
        trainer = Trainer(model, images, torch.zeros(64, dtype=torch.int64), device="cpu")
        for _ in range(3):
            trainer.round()
            assert (
                max(p.abs().max().item() for p in model.discriminator.parameters()) <= torch.tensor(model.clip).item()
            )


def test_wgan_has_no_momentum_and_five_critic_steps():
    critic, generator = build("wgan", (1, 28, 28), 10).players()
    for player in (critic, generator):
        optimizer = player.optimizer(player.parameters, lr=player.lr)
        assert isinstance(optimizer, torch.optim.RMSprop) and optimizer.defaults["momentum"] == 0
    assert (critic.name, critic.steps, generator.steps) == ("critic", 5, 1)


@pytest.mark.parametrize("name", ["wgan", "wgan_gp"])
def test_gap_of_a_linear_critic_is_the_difference_of_means(name):
    model = build(name, (1, 4, 4), 10)
    weight = torch.randn(16, dtype=torch.float64)
    linear_critic(model, weight)
    real, fake = torch.randn(2, 32, 1, 4, 4, dtype=torch.float64)
    expected = weight @ (real - fake).flatten(1).mean(0)
    assert model.gap(real, fake, batch_of(real)).item() == pytest.approx(expected.item(), abs=1e-5)
    fakes = model.fakes(batch_of(real.float())).double()
    model.fakes = lambda batch: fakes
    loss = model.discriminator_loss(real, fake, batch_of(real))["loss"]
    if name == "wgan":
        assert loss.item() == pytest.approx(-expected.item(), abs=1e-5)


# WGAN-GP


@pytest.mark.parametrize("sides", ["two-sided", "one-sided"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_penalty_of_a_linear_critic_whatever_the_data(sides, scale):
    model = build("wgan_gp", (3, 4, 4), 10, sides=sides)
    weight = torch.randn(48, dtype=torch.float64)
    weight *= scale / weight.norm()
    linear_critic(model, weight)
    real, fake = torch.randn(2, 32, 3, 4, 4, dtype=torch.float64)
    penalty = model.gradient_penalty(real, fake, batch_of(real)).item()
    excess = scale - 1 if sides == "two-sided" else max(scale - 1, 0)
    assert penalty == pytest.approx(excess**2, abs=1e-9)
    gap = weight @ (real - fake).flatten(1).mean(0)
    loss = model.discriminator_loss(real, fake, batch_of(real))["loss"].item()
    assert loss == pytest.approx(10 * excess**2 - gap.item(), abs=1e-5)


def test_gradient_of_the_penalty_agrees_with_finite_differences():
    model = build("wgan_gp", (1, 3, 3), 10, width=16)
    model.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 5, 1, 3, 3, dtype=torch.float64, generator=generator)
    weights = list(model.discriminator.parameters())[:3]  # the last bias has no influence

    def penalty(*values):
        with torch.no_grad():
            for weight, value in zip(weights, values, strict=True):
                weight.copy_(value)
        return model.gradient_penalty(real, fake, batch_of(real))

    start = [weight.detach().clone() for weight in weights]
    gradients = torch.autograd.grad(penalty(*start), weights)
    step = 1e-6
    for index, gradient in enumerate(gradients):
        for position in range(0, gradient.numel(), 5):
            moved = [[value.clone() for value in start] for _ in range(2)]
            moved[0][index].view(-1)[position] += step
            moved[1][index].view(-1)[position] -= step
            slope = (penalty(*moved[0]) - penalty(*moved[1])) / (2 * step)
            assert gradient.view(-1)[position].item() == pytest.approx(slope.item(), abs=1e-6)


def test_penalty_is_finite_where_the_gradient_is_zero():
    model = build("wgan_gp", (1, 4, 4), 10)
    linear_critic(model, torch.zeros(16))
    real, fake = torch.randn(2, 8, 1, 4, 4)
    penalty = model.gradient_penalty(real, fake, batch_of(real))
    penalty.backward()
    assert penalty.item() == pytest.approx(1, abs=1e-5)
    assert model.discriminator[1].weight.grad.isfinite().all()


@pytest.mark.parametrize("network", ["connected", "convolutional"])
@pytest.mark.parametrize("norm", ["none", "layer", "instance"])
def test_no_batch_norm_in_the_critic_of_wgan_gp(network, norm):
    model = build("wgan_gp", (1, 28, 28), 10, network=network, norm=norm).eval()
    assert not any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in model.discriminator.modules())
    x = torch.rand(4, 1, 28, 28)
    model.train()  # the score of an image must not depend on its neighbours, in train mode either
    assert torch.allclose(model.critic(x)[:1], model.critic(x[:1]), atol=1e-5)


def test_instance_norm_is_over_positions_and_where_there_are_none_over_features():
    convolutional = build("wgan_gp", (1, 28, 28), 10, network="convolutional", norm="instance").discriminator
    assert any(isinstance(m, nn.InstanceNorm2d) for m in convolutional.modules())
    connected = build("wgan_gp", (1, 28, 28), 10, network="connected", norm="instance").discriminator
    assert any(isinstance(m, nn.LayerNorm) for m in connected.modules())


def test_a_trained_critic_between_two_points_overshoots_as_predicted():
    # Two points at distance r, penalty weight lambda: the best slope is 1 + r / (2 lambda).
    r, weight = 0.8, 10.0
    model = build("wgan_gp", (1, 1, 1), 10, penalty_weight=weight)
    linear_critic(model, torch.tensor([0.1], dtype=torch.float64))
    real = torch.full((16, 1, 1, 1), r, dtype=torch.float64)
    fake = torch.zeros_like(real)
    optimizer = torch.optim.LBFGS(model.discriminator.parameters(), line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = model.discriminator_loss(real, fake, batch_of(real))["loss"]
        loss.backward()
        return loss

    optimizer.step(closure)
    gap = model.gap(real, fake, batch_of(real)).item()
    assert gap == pytest.approx(r + r**2 / (2 * weight), abs=1e-4)
