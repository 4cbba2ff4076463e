"""Identities of spectral norm, projection, attention, orthogonality and truncation."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.models.residual import (
    ConditionalNorm,
    Discriminator,
    Generator,
    SelfAttention,
    learned,
    matrix,
    orthogonal,
    side,
    skewness,
    spectral,
    weighted,
)
from genmodels.training import Trainer

SHAPES = [(1, 28, 28), (3, 32, 32)]
every_name = pytest.mark.parametrize("name", ["sngan", "sagan", "biggan"])
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=["grey", "colour"])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small(name, shape=(1, 28, 28), **values):
    return build(name, shape, 10, **{"width": 8, "batch": 16, "latent": 16} | values)


def batch_of(images):
    return Batch(images, torch.arange(len(images)) % 10, seeded())


def normalised(network):
    return [layer for layer in network.modules() if parametrize.is_parametrized(layer)]


def settled(network, steps=400):
    """After so many power iterations: a look at a weight in train mode is one."""
    with torch.no_grad():
        for layer in normalised(network.train()):
            for _ in range(steps):
                layer.weight  # noqa: B018
    return network.eval()


def shorter(rows):
    return rows if len(rows) <= rows.shape[1] else rows.T


# Spectral norm


@every_name
@every_shape
def test_largest_singular_value_of_every_normalised_weight_is_one(name, shape):
    model = small(name, shape)
    for network in (model.generator, model.discriminator):
        if name == "sngan" and network is model.generator:
            assert not normalised(network)  # the paper's generator is free
            continue
        gains = {m.gains for m in network.modules() if isinstance(m, ConditionalNorm)}
        told = {m for m in network.modules() if isinstance(m, nn.Embedding)}
        assert set(normalised(network)) == {*weighted(network)} - gains | told
        for layer in normalised(settled(network)):
            rows = matrix(layer.weight.detach().double(), side(layer))
            assert torch.linalg.matrix_norm(rows, 2).item() == pytest.approx(1, abs=1e-3)


def test_power_iteration_finds_a_known_singular_value_and_moves_only_where_the_weight_learns():
    layer = nn.Linear(5, 4, bias=False)
    u, _ = torch.linalg.qr(torch.randn(4, 4, generator=seeded(1)))
    v, _ = torch.linalg.qr(torch.randn(5, 5, generator=seeded(2)))
    layer.weight.data = u @ torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.5])) @ v[:4]
    settled(spectral(layer), 50)
    assert torch.allclose(layer.weight, learned(layer) / 3, atol=1e-5)
    vector = layer.parametrizations.weight[0].vector
    for training, learns in [(True, True), (False, True), (True, False)]:
        vector.copy_(torch.full((5,), 5**-0.5))
        layer.train(training).requires_grad_(learns)
        layer(torch.zeros(1, 5))
        assert torch.equal(vector, torch.full((5,), 5**-0.5)) != (training and learns)


@every_name
def test_averages_of_both_weights_and_statistics_are_sampled_from(name):
    images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=seeded())
    trainer = Trainer(small(name), images, torch.arange(64) % 10, device="cpu")
    expected = copy.deepcopy(dict(trainer.model.generator.named_parameters(remove_duplicate=False)))
    means = trainer.model.generator.norm.running_mean.clone()
    for number in range(3):
        trainer.round()
        decay = (1 + number) / (10 + number)
        for key, fast in trainer.model.generator.named_parameters():
            expected[key] = decay * expected[key].detach() + (1 - decay) * fast.detach()
        means = decay * means + (1 - decay) * trainer.model.generator.norm.running_mean
    view = trainer.view()
    for key, slow in view.generator.named_parameters():
        assert torch.allclose(slow, expected[key], atol=1e-6), key
    assert torch.allclose(view.generator.norm.running_mean, means, atol=1e-6)
    twin, z, labels = copy.deepcopy(view), view.latents(4, seeded()), torch.arange(4)
    for layer in normalised(twin):  # a shorter vector, as an average leaves it, is as good
        layer.parametrizations.weight[0].vector *= 0.5
    assert torch.allclose(view.sample(z, labels), twin.sample(z, labels), atol=1e-5)


# The game


@every_name
def test_hinge_losses_at_known_scores(name):
    model = small(name)
    model.critic = lambda images, labels=None, generator=None: images.flatten(1).sum(1)
    real = torch.tensor([2.0, 0.5, -1.0, 1.0]).view(4, 1, 1, 1)
    fake = torch.tensor([-2.0, -0.5, 1.0, 0.0]).view(4, 1, 1, 1)
    loss = model.discriminator_loss(real, fake, batch_of(real))["loss"]
    assert loss.item() == pytest.approx((0 + 0.5 + 2 + 0) / 4 + (0 + 0.5 + 2 + 1) / 4)
    assert model.generator_loss(fake.flatten()).item() == pytest.approx(0.375)


@every_name
def test_steps_and_optimiser_are_those_of_the_card(name):
    discriminator, generator = small(name).players()
    assert discriminator.steps == (2 if name == "biggan" else 1) and generator.steps == 1
    for player in (discriminator, generator):
        assert player.optimizer(player.parameters, lr=player.lr).defaults["betas"] == (0.0, 0.9)
    assert generator.lr > discriminator.lr


@every_shape
def test_a_score_is_psi_plus_the_inner_product_with_the_vector_of_the_class(shape):
    network = spectral(Discriminator(10, shape, 8)).eval()
    images, labels = torch.randn(6, *shape, generator=seeded()), torch.tensor([3, 1, 4, 1, 5, 9])
    with torch.no_grad():
        phi = network.phi(images)
        asked = [network.label.weight[y] @ features for y, features in zip(labels, phi, strict=True)]
        expected = phi @ network.psi.weight[0] + torch.stack(asked)
        assert torch.allclose(network(images, labels), expected, atol=1e-5)
        assert not torch.allclose(network(images, labels), network(images, labels - 1), atol=1e-4)


def test_conditional_norm_has_the_gains_of_its_class():
    norm = ConditionalNorm(3, 2).train()
    x = torch.randn(64, 3, 5, 5, generator=seeded()) * 4 + 7
    gain, shift = norm.gains.weight.detach().view(2, 3, 2).unbind(0)
    for label in range(2):
        y = norm(x, torch.eye(2)[label].expand(64, 2))
        assert torch.allclose(y.mean((0, 2, 3)), shift[:, label], atol=1e-5)
        assert torch.allclose(y.std((0, 2, 3), correction=0), 1 + gain[:, label], atol=1e-4)


# Attention


def attention(gamma):
    torch.manual_seed(4)
    layer = SelfAttention(16)
    assert layer.gamma.item() == 0
    layer.gamma.data.fill_(gamma)
    return layer


def test_attention_is_the_identity_at_first_and_its_rows_sum_to_one():
    x = 3 * torch.randn(3, 16, 6, 6, generator=seeded())
    assert torch.equal(attention(0.0)(x), x)
    assert not torch.allclose(attention(0.5)(x), x, atol=1e-3)
    weights = attention(0.0).weights(x)
    assert weights.shape == (3, 36, 36) and weights.min() >= 0
    assert torch.allclose(weights.sum(2), torch.ones(3, 36), atol=1e-5)
    assert not torch.allclose(weights.sum(1), torch.ones(3, 36), atol=1e-2)  # columns do not


def test_attention_follows_its_formula_position_by_position():
    layer, x = attention(0.7).double(), torch.randn(1, 16, 3, 4, dtype=torch.float64, generator=seeded())
    columns = x[0].flatten(1)
    query, key, value, out = (m.weight.flatten(1) for m in (layer.query, layer.key, layer.value, layer.out))
    assert (len(query), len(key), len(value)) == (2, 2, 8)  # C / 8, C / 8, C / 2
    expected = columns.clone()
    for i in range(12):
        scores = torch.stack([(query @ columns[:, i]) @ (key @ columns[:, j]) for j in range(12)])
        weights = scores.exp() / scores.exp().sum()
        expected[:, i] += 0.7 * (out @ sum(weights[j] * (value @ columns[:, j]) for j in range(12)))
    assert torch.allclose(layer(x)[0].flatten(1), expected, atol=1e-9)


@every_shape
def test_attention_of_a_pixel_can_be_asked_for(shape):
    model, labels = small("sagan", shape).eval(), torch.arange(3)
    z, size = model.latents(3, seeded()), shape[1] // 2
    with torch.no_grad():
        maps = model.attention(z, labels, shape[1] - 1, 5)
        whole = model.generator.attention.weights(model.generator.features(z, labels))
    assert maps.shape == (3, size, size) and torch.allclose(maps.sum((1, 2)), torch.ones(3), atol=1e-5)
    assert torch.equal(maps.flatten(1), whole[:, (size - 1) * size + 2])
    assert any(isinstance(module, SelfAttention) for module in model.discriminator.modules())


# BigGAN


@every_shape
def test_orthogonal_weights_satisfy_their_name_and_cost_nothing(shape):
    for network in (Generator(16, 10, shape, 8, embedding=4), Discriminator(10, shape, 8)):
        assert skewness(network).item() > 1e-3
        for layer in weighted(orthogonal(network)):
            rows = shorter(matrix(layer.weight, side(layer)))
            assert torch.allclose(rows @ rows.T, torch.eye(len(rows)), atol=1e-5)
        assert skewness(network).item() == pytest.approx(0, abs=1e-4)  # of sums in the hundreds


def test_orthogonal_weights_are_the_same_for_any_number_of_threads():
    before, drawn = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        drawn.append([layer.weight for layer in weighted(orthogonal(Generator(64, 10, (3, 32, 32), 32)))])
    torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*drawn, strict=True))


def test_penalty_at_known_matrices_is_the_generators_alone():
    layer = nn.Linear(3, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, 2.0, 0.0], [3.0, 1.0, 1.0]])
    assert skewness(layer).item() == pytest.approx(2 * 5.0**2)  # the rows' inner product, twice; lengths are free
    model, batch = small("biggan", beta=0.5), batch_of(torch.rand(16, 1, 28, 28))
    assert model.play_generator(batch)["orthogonality"].item() == pytest.approx(0, abs=1e-5)
    learned(model.generator.blocks[0].mix).data.fill_(0.3)  # rows of 72 equal numbers
    terms, apart = model.play_generator(batch), 0.5 * 8 * 7 * (72 * 0.09) ** 2
    assert terms["orthogonality"].item() == pytest.approx(apart, rel=1e-4)
    assert terms["loss"].item() == pytest.approx(apart, abs=5)
    assert set(model.play_discriminator(batch)) == {"loss"}


@every_shape
def test_every_block_hears_its_own_chunk_and_the_shared_embedding(shape):
    model = small("biggan", shape).eval()
    generator, z, labels = model.generator, model.latents(2, seeded()), torch.tensor([3, 7])
    assert sum(generator.chunks) == 16 and len(generator.chunks) == len(generator.blocks) + 1
    heard = [[] for _ in generator.blocks]
    for block, said in zip(generator.blocks, heard, strict=True):
        block.register_forward_pre_hook(lambda module, inputs, said=said: said.append(inputs[1]))
    with torch.no_grad():
        model.sample(z, labels)
        for said, chunk in zip(heard, z.split(generator.chunks, 1)[1:], strict=True):
            assert torch.equal(said[0], torch.cat([generator.embedding(labels), chunk], 1))


@pytest.mark.parametrize("threshold", [0.02, 0.5, 2.0, 8.0])
def test_truncated_latents_follow_the_truncated_normal(threshold):
    model = small("biggan", latent=100)
    z = model.latents(1000, seeded())
    cut = model.truncate(z, threshold, seeded(1))
    inside = z.abs() <= threshold
    assert cut.abs().max() <= threshold and torch.equal(cut[inside], z[inside])  # the rest is drawn again
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * threshold * density / math.erf(threshold / math.sqrt(2))
    assert cut.var().item() == pytest.approx(variance, rel=0.03)


def test_settled_statistics_are_those_of_truncated_latents_and_nothing_else_changes():
    model = small("biggan").eval().requires_grad_(False)
    model.settle(8.0, seeded())  # to be forgotten
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.settle(0.5, seeded())
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]) != ("running" in key), key
    assert not any(module.training for module in model.modules())
    heard = []
    model.generator.norm.register_forward_hook(lambda module, inputs, output: heard.append(output))
    model.sample(model.truncate(model.latents(1000, seeded(5)), 0.5, seeded(6)), torch.arange(1000) % 10)
    assert torch.allclose(heard[0].mean((0, 2, 3)), torch.zeros(8), atol=0.05)
    assert torch.allclose(heard[0].std((0, 2, 3)), torch.ones(8), atol=0.05)
