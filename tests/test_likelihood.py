"""Likelihoods of test sets and Bayes' rule, against models whose evidence is known in closed form."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from genmodels import likelihood
from genmodels.models import build
from genmodels.theory.bayes import log_posterior

COUNT = 70  # images: more than one piece, and an uneven one


def generator():
    return torch.Generator().manual_seed(0)


def linear_gaussian(name, shape=(1, 3, 3), classes=4, off=0.0):
    """A decoder W z + b + c_y with noise sigma whose encoder answers with the exact posterior, or one that is `off`.

    The model, and the evidence of every class as distributions.
    """
    model = build(name, shape, classes, latent=2, depth=0, likelihood="gaussian").double()
    size, noise = math.prod(shape), generator()
    columns, _ = torch.linalg.qr(torch.randn(size, 2, generator=noise, dtype=torch.float64))
    w = columns * torch.tensor([1.5, 0.7], dtype=torch.float64)
    b = torch.linspace(-1, 1, size, dtype=torch.float64)
    c = torch.randn(size, classes, generator=noise, dtype=torch.float64) * 0.2 * model.conditional
    sigma = math.exp(model.log_sigma.item())
    precision = w.T @ w + sigma**2 * torch.eye(2, dtype=torch.float64)
    mean = torch.linalg.solve(precision, w.T)
    loud = classes**0.5  # how large the one of a one-hot label is
    with torch.no_grad():
        decoder, encoder = model.decoder.network.linear[0], model.encoder.connected.linear[0]
        decoder.weight.copy_(torch.cat([w, c / loud], 1) if model.conditional else w)
        decoder.bias.copy_(b)
        encoder.weight.zero_()
        encoder.weight[:2, :size] = mean
        if model.conditional:
            encoder.weight[:2, size:] = -mean @ c / loud
        encoder.bias.copy_(torch.cat([-mean @ b, torch.log(sigma**2 / precision.diagonal())]) + off)
    spread = w @ w.T + sigma**2 * torch.eye(size, dtype=torch.float64)
    return model, [MultivariateNormal(b + c[:, label], spread) for label in range(classes)]


def draws(law, count, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return law.sample((count,))


@pytest.mark.parametrize("samples", [1, 7, 1100])
def test_the_bound_with_the_exact_posterior_is_the_evidence_for_every_k(samples):
    model, (law, *_) = linear_gaussian("vae")
    x = draws(law, COUNT)
    found = likelihood.bound(model, x.view(-1, 1, 3, 3), torch.zeros(COUNT).long(), samples, generator())
    assert (found - law.log_prob(x)).abs().max() < 1e-9


def test_the_bound_does_not_fall_with_k_and_stays_below_the_evidence():
    model, (law, *_) = linear_gaussian("vae", off=0.3)
    x = draws(law, 4000)
    images, labels = x.view(-1, 1, 3, 3), torch.zeros(len(x)).long()
    means = [likelihood.bound(model, images, labels, k, generator()).mean() for k in (1, 2, 5, 20, 100)]
    assert means == sorted(means)
    assert means[0] + 0.2 < means[-1] < law.log_prob(x).mean() + 1e-3


def test_many_samples_need_no_more_memory_than_few():
    model, (law, *_) = linear_gaussian("vae")
    rows = []
    model.decoder.register_forward_hook(lambda module, inputs, output: rows.append(len(output)))
    images = draws(law, COUNT).view(-1, 1, 3, 3)
    done = []
    likelihood.bound(model, images, torch.zeros(COUNT).long(), 5000, generator(), lambda *at: done.append(at))
    assert sum(rows) == 5000 * COUNT and max(rows) <= 512
    assert done == [(32, 70), (64, 70), (70, 70)]


def test_all_noise_comes_from_the_generator():
    model = build("vae", (1, 28, 28), 10, width=16)
    images = torch.randint(0, 256, (COUNT, 1, 28, 28), generator=generator()).byte()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    noise = [generator(), generator()]
    first, second = (
        likelihood.bound(model, likelihood.inside(model, images, some), torch.zeros(COUNT).long(), 3, some)
        for some in noise
    )
    assert first.equal(second)
    assert torch.get_rng_state().equal(before)


def test_digits_are_drawn_black_and_white_and_bytes_under_a_density_are_spread_over_their_width():
    images = torch.arange(256).byte().view(1, 1, 16, 16).repeat(2000, 1, 1, 1)
    digits = likelihood.inside(build("vae", (1, 16, 16), 10, width=16), images, generator())
    assert set(digits.unique().tolist()) == {0.0, 1.0}
    assert (digits.mean(0) - images[0] / 255).abs().max() < 0.05
    off = likelihood.inside(build("vae", (1, 16, 16), 10, width=16, likelihood="gaussian"), images, generator())
    off = (off - images / 255) * 255
    assert -0.5 <= off.min() < -0.49 and 0.49 < off.max() <= 0.5001
    assert off.mean().abs() < 1e-2
    exact = likelihood.inside(build("vae", (1, 16, 16), 10, width=16, likelihood="logistic"), images, generator())
    assert (exact - images / 255).abs().max() < 1e-6


class Uniform:
    """Every byte as likely as every other; as a density over the 256 widths of a byte, or as a probability."""

    shape, low = (3, 4, 4), 0.0

    def __init__(self, law):
        self.law = law

    def bound(self, images, labels, samples, generator):
        height = 255 / 256 if self.law == "gaussian" else 1 / 256
        return torch.full((len(images),), math.prod(self.shape) * math.log(height), dtype=torch.float64)


@pytest.mark.parametrize("law", ["gaussian", "logistic"])
def test_a_uniform_model_needs_eight_bits(law):
    model, images = Uniform(law), torch.zeros(5, 3, 4, 4)
    nats = -likelihood.bound(model, images, torch.zeros(5).long(), 1, generator()).mean().item()
    assert likelihood.bits_per_dimension(model, nats) == pytest.approx(8, abs=1e-12)


def test_spread_bytes_bound_the_probability_of_the_bytes():
    # A narrow Gaussian around one byte: exact probabilities by its distribution function.
    model = build("vae", (3, 2, 2), 10, likelihood="gaussian", latent=1, depth=0).double()
    images = torch.randint(90, 110, (3000, 3, 2, 2), generator=generator()).byte()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.decoder.network.linear[0].bias.fill_(100 / 255)
        model.log_sigma.fill_(math.log(4 / 255))
    law = torch.distributions.Normal(100.0, 4.0)
    exact = -torch.log2(law.cdf(images.double() + 0.5) - law.cdf(images.double() - 0.5)).mean().item()
    x = likelihood.inside(model, images, generator()).double()
    nats = -likelihood.bound(model, x, torch.zeros(len(x)).long(), 1, generator()).mean().item()
    bits = likelihood.bits_per_dimension(model, nats)
    assert exact < bits < exact + 0.02


def test_exact_likelihoods_come_piece_by_piece():
    class Coins:
        def log_prob(self, images):
            assert len(images) <= 512
            return images.flatten(1).sum(1) * math.log(0.3)

    images = torch.rand(1100, 1, 4, 4, generator=generator()).round()
    assert likelihood.exact(Coins(), images).allclose(images.flatten(1).sum(1) * math.log(0.3))


# Bayes' rule


def test_posterior_of_a_test_for_a_rare_disease():
    # 99 % of the sick and 5 % of the healthy test positive, 1 % are sick: 1/6 of those who test positive.
    log_likelihood, log_prior = torch.tensor([0.99, 0.05]).log(), torch.tensor([0.01, 0.99]).log()
    assert log_posterior(log_likelihood, log_prior).exp().tolist() == pytest.approx([1 / 6, 5 / 6])
    assert log_posterior(log_likelihood - 1e4).exp().tolist() == pytest.approx([0.99 / 1.04, 0.05 / 1.04], rel=1e-2)


@pytest.mark.parametrize("samples", [1, 30])
def test_bayes_logits_with_the_exact_posterior_are_the_evidence_of_every_class(samples):
    model, laws = linear_gaussian("cvae")
    x = draws(laws[2], COUNT)
    found = likelihood.bayes_logits(model, x.view(-1, 1, 3, 3), samples, generator())
    assert found.shape == (COUNT, 4)
    assert (found - torch.stack([law.log_prob(x) for law in laws], 1)).abs().max() < 1e-4


def test_all_labels_see_the_same_noise():
    model, laws = linear_gaussian("cvae", off=0.5)
    with torch.no_grad():  # a decoder and an encoder that are deaf to the label
        model.decoder.network.linear[0].weight[:, 2:] = 0
        model.encoder.connected.linear[0].weight[:, 9:] = 0
    found = likelihood.bayes_logits(model, draws(laws[0], 10).view(-1, 1, 3, 3), 3, generator())
    assert found.equal(found[:, :1].expand(-1, 4))
    assert not found[0].equal(found[1])


def test_accuracy_rises_with_k_to_that_of_the_true_posterior():
    model, laws = linear_gaussian("cvae", off=1.0)
    x, labels = (
        torch.cat([draws(law, 500, seed) for seed, law in enumerate(laws)]),
        torch.arange(4).repeat_interleave(500),
    )
    best = (torch.stack([law.log_prob(x) for law in laws], 1).argmax(1) == labels).double().mean().item()
    found = likelihood.bayes_accuracies(model, x.view(-1, 1, 3, 3), labels, (1, 10, 200), generator())
    assert list(found) == [1, 10, 200]
    assert 0.3 < best < 0.95
    assert found[200] == pytest.approx(best, abs=0.02)
    assert found[1] <= found[10] + 0.01


def test_more_samples_join_those_before_them_each_with_the_same_weight(monkeypatch):
    # One sample, then three more: the mean of four decides, class 0 in the first row and class 1 in the second.
    answers = {1: [[0.5, 0.4], [0.5, 0.4]], 3: [[0.10, 0.13], [0.10, 0.15]]}
    monkeypatch.setattr(likelihood, "bayes_logits", lambda model, x, count, noise: torch.tensor(answers[count]).log())
    found = likelihood.bayes_accuracies(None, torch.zeros(2), torch.tensor([0, 1]), (1, 4), generator())
    assert found == {1: 0.5, 4: 1.0}


def test_samples_are_as_many_as_are_affordable():
    model = build("vae", (1, 28, 28), 10, latent=20, width=400)
    images, labels = torch.zeros(100, 1, 28, 28), torch.zeros(100).long()
    each = 2 * (20 * 400 + 400 * 784) * 100  # multiplications and additions of one sample for all images
    for work, samples in [(5000.1, 5000), (4999.9, 500), (500.1, 500), (51, 50), (49, 5), (0, 5)]:
        assert likelihood.affordable(model, images, labels, work * each) == samples
