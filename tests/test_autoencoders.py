"""Identities of the autoencoders, each against a closed form."""

import math

import pytest
import scipy.stats
import torch
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from genmodels.errors import UserError
from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.models.logistic import Echo, log_probability_of_bytes


def batch_of(images, seed=0, seen=0):
    labels = torch.arange(len(images)) % 10
    return Batch(images, labels, torch.Generator().manual_seed(seed), seen)


def minimise(model, batch, steps=60):
    """Full-batch LBFGS in float64; every call of the loss sees the same noise."""
    model.double()
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=steps, history_size=50, line_search_fn="strong_wolfe", tolerance_change=1e-14
    )

    def closure():
        optimizer.zero_grad()
        fresh = Batch(batch.images, batch.labels, torch.Generator().manual_seed(0), batch.seen)
        loss = model.loss(fresh)["loss"]
        loss.backward()
        return loss

    for _ in range(10):
        optimizer.step(closure)
    return closure().item()


# AE


def test_linear_autoencoder_is_principal_component_analysis():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(16, 16, generator=generator, dtype=torch.float64) * torch.linspace(2, 0.1, 16)
    x = torch.randn(400, 16, generator=generator, dtype=torch.float64) @ mixing.T * 0.1 + 0.5
    model = build("ae", (1, 4, 4), 10, depth=0, latent=4)
    loss = minimise(model, batch_of(x.view(-1, 1, 4, 4)))
    centred = x - x.mean(0)
    _, singular, directions = torch.linalg.svd(centred, full_matrices=False)
    best = (singular[4:] ** 2).sum().item() / len(x)
    assert loss == pytest.approx(best, rel=0.01)
    columns, _ = torch.linalg.qr(model.decoder.network.linear[0].weight.detach())
    cosines = torch.linalg.svdvals(columns.T @ directions[:4].T)
    assert cosines.min() > 0.999


@pytest.mark.parametrize("name", ["ae", "dae"])
def test_squared_error_is_summed_over_pixels_and_averaged_over_images(name):
    model = build(name, (3, 32, 32), 10, width=16)
    model.reconstruct = lambda images: torch.zeros_like(images)
    images = torch.full((5, 3, 32, 32), 0.5)
    assert model.loss(batch_of(images))["loss"].item() == pytest.approx(3 * 32 * 32 * 0.25)


# DAE


def test_best_linear_denoiser_of_a_gaussian_shrinks():
    # For data N(0, s^2) and noise sigma: r(x~) = x~ s^2 / (s^2 + sigma^2).
    s, sigma = 0.7, 0.5
    x = torch.randn(200_000, 1, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * s
    model = build("dae", (1, 1, 1), 10, depth=0, latent=1, sigma=sigma)
    minimise(model, batch_of(x), steps=20)
    slope = model.reconstruct(torch.ones(1, 1, 1, 1).double()) - model.reconstruct(torch.zeros(1, 1, 1, 1).double())
    assert slope.item() == pytest.approx(s**2 / (s**2 + sigma**2), abs=5e-3)


def test_corruption_is_what_it_says():
    generator = torch.Generator().manual_seed(0)
    x = torch.full((64, 3, 32, 32), 0.5)
    noisy = build("dae", (3, 32, 32), 10, sigma=0.3, width=16).corrupt(x, generator)
    assert (noisy - x).std().item() == pytest.approx(0.3, rel=0.02)
    masked = build("dae", (3, 32, 32), 10, corruption="masking", masked=0.25, width=16).corrupt(x, generator)
    assert (masked == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert torch.equal(masked[:, 0], masked[:, 2])


# VAE


def test_kl_agrees_with_torch_and_with_monte_carlo():
    model = build("vae", (1, 4, 4), 10, latent=3, width=16)
    x = torch.rand(1, 1, 4, 4).round()
    terms = model.loss(batch_of(x))
    mu, log_variance = model.posterior(x)
    posterior, prior = Normal(mu, torch.exp(0.5 * log_variance)), Normal(0.0, 1.0)
    assert terms["kl"].item() == pytest.approx(kl_divergence(posterior, prior).sum().item(), rel=1e-5)
    torch.manual_seed(0)
    z = posterior.sample((400_000,))
    sampled = (posterior.log_prob(z) - prior.log_prob(z)).sum(-1)
    error = 4 * sampled.std().item() / math.sqrt(len(z))
    assert terms["kl"].item() == pytest.approx(sampled.mean().item(), abs=error + 1e-6)
    assert terms["kl"] > 0


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_log_likelihood_is_summed_over_pixels(likelihood):
    model = build("vae", (3, 32, 32), 10, likelihood=likelihood, latent=4, width=16)
    x, z = torch.rand(5, 3, 32, 32).round(), torch.randn(7, 5, 4)
    mean = model.decode(z.flatten(0, 1)).unflatten(0, (7, 5))
    law = Bernoulli(mean) if likelihood == "bernoulli" else Normal(mean, model.log_sigma.exp())
    expected = law.log_prob(x).flatten(2).sum(2)
    assert torch.allclose(model.log_likelihood(x, z), expected, rtol=1e-4)
    assert torch.allclose(model.log_likelihood(x, z[0]), expected[0], rtol=1e-4)


def test_logistic_probabilities_of_the_256_bytes_add_up_to_one():
    x = torch.linspace(0, 1, 256, dtype=torch.float64)[:, None, None]
    mean = torch.tensor([-3, -0.1, 0, 0.2, 0.50001, 1, 1.2, 40], dtype=torch.float64)
    log_scale = torch.linspace(-9, 5, 15, dtype=torch.float64)[:, None]
    total = log_probability_of_bytes(x, mean, log_scale).logsumexp(0)
    assert total.abs().max() < 1e-10
    exact = log_probability_of_bytes(x, mean, log_scale)
    single = log_probability_of_bytes(x.float(), mean.float(), log_scale.float())
    assert ((single - exact).abs() < 1e-3 + 1e-4 * exact.abs()).all()


def test_logistic_probability_is_the_difference_of_two_values_of_the_distribution_function():
    law = scipy.stats.logistic(0.1, 0.05)
    for byte, expected in [
        (17, law.cdf(17.5 / 255) - law.cdf(16.5 / 255)),
        (0, law.cdf(0.5 / 255)),
        (255, law.sf(254.5 / 255)),
    ]:
        x, mean, log_scale = torch.tensor([byte / 255, 0.1, math.log(0.05)], dtype=torch.float64)
        assert log_probability_of_bytes(x, mean, log_scale).exp().item() == pytest.approx(expected, rel=1e-9)


def test_colours_that_hear_each_other_are_still_a_probability():
    # Two pixels' worth of brute force is too much; one pixel of three colours, each with few likely bytes, is not.
    model = build("vae", (3, 1, 1), 10, likelihood="logistic", latent=2, depth=0).double()
    bytes_ = torch.arange(256, dtype=torch.float64)
    with torch.no_grad():
        own = model.echo.weight[:, :, 0, 0]
        own[1, 0], own[2, 0], own[2, 1] = 0.9, -0.4, 0.7
        layer = model.decoder.network.linear[0]
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([0.02, 0.5, 0.97, -5.5, -5.0, -5.2]))
        around = [bytes_[:40], bytes_[60:200], bytes_[190:]]
        x = torch.cartesian_prod(*around)[..., None, None] / 255
        log_p = model.log_likelihood(x, torch.zeros(len(x), 2, dtype=torch.float64))
        assert log_p.logsumexp(0).abs().item() < 1e-3
        # Blue is likelier to be high where green is: the middle of what it has heard moves.
        green, blue = x[:, 1, 0, 0], x[:, 2, 0, 0]
        weights = log_p.exp()
        mean_green, mean_blue = (weights * green).sum(), (weights * blue).sum()
        assert (weights * (green - mean_green) * (blue - mean_blue)).sum() > 0


@pytest.mark.parametrize("channels, reach", [(3, 0), (1, 2), (3, 2)])
def test_a_pixel_hears_only_what_comes_before_it(channels, reach):
    echo = Echo(channels, reach)
    torch.nn.init.uniform_(echo.weight, 0.5, 1)
    jacobian = torch.autograd.functional.jacobian(echo, torch.zeros(1, channels, 5, 5)).view(channels, 25, channels, 25)
    jacobian = jacobian.permute(1, 0, 3, 2).reshape(25 * channels, -1)  # in the order of the chain: pixel by pixel
    assert (jacobian.triu() == 0).all() and (jacobian != 0).any()
    if not reach:
        assert (jacobian != 0).sum() == 25 * 3  # green of red, blue of both


def test_hearing_neighbours_is_still_a_probability():
    model = build("vae", (1, 3, 3), 10, likelihood="logistic", heard="neighbours", latent=2, depth=0).double()
    with torch.no_grad():
        torch.nn.init.uniform_(model.echo.weight, -0.5, 0.5, generator=torch.Generator().manual_seed(0))
        first = torch.arange(256, dtype=torch.float64) / 255
        # Bytes of the last pixel add up to one whatever the pixels before it are, and so for each before that.
        for place in (8, 4):
            x = torch.rand(1, 1, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
            x = ((x * 255).round() / 255).repeat(256, 1, 1, 1)
            x.view(256, 9)[:, place] = first
            z = torch.zeros(256, 2, dtype=torch.float64)
            mean, log_scale = model.decoder(z).chunk(2, 1)
            pixels = log_probability_of_bytes(x, mean + model.echo(x - mean), log_scale - 3)
            assert pixels.view(256, 9)[:, place].logsumexp(0).abs() < 1e-9
            assert (pixels.view(256, 9)[:, :place] == pixels.view(256, 9)[:1, :place]).all()
            assert torch.allclose(pixels.flatten(1).sum(1), model.log_likelihood(x, z))


def test_binarisation_is_dynamic_and_unbiased():
    model = build("vae", (1, 28, 28), 10, width=16)
    x = torch.rand(1, 1, 28, 28)
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([model.observe(x, generator) for _ in range(2000)])
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(draws[0], draws[1])
    assert (draws.mean(0) - x).abs().max() < 0.07


def linear_gaussian(exact):
    """A VAE with decoder W z + b, noise sigma; W has orthogonal columns, so the posterior is diagonal."""
    model = build("vae", (1, 3, 3), 10, seed=2, latent=2, depth=0, likelihood="gaussian").double()
    generator = torch.Generator().manual_seed(1)
    columns, _ = torch.linalg.qr(torch.randn(9, 2, generator=generator, dtype=torch.float64))
    w = columns * torch.tensor([1.5, 0.7], dtype=torch.float64)
    b = torch.linspace(-1, 1, 9, dtype=torch.float64)
    sigma = math.exp(model.log_sigma.item())
    with torch.no_grad():
        decoder, encoder = model.decoder.network.linear[0], model.encoder.connected.linear[0]
        decoder.weight.copy_(w)
        decoder.bias.copy_(b)
        precision = w.T @ w + sigma**2 * torch.eye(2, dtype=torch.float64)
        mean = torch.linalg.solve(precision, w.T)
        log_variance = torch.log(sigma**2 / precision.diagonal())
        encoder.weight.copy_(torch.cat([mean, torch.zeros_like(mean)]))
        encoder.bias.copy_(torch.cat([-mean @ b, log_variance]))
        if not exact:
            encoder.bias += torch.tensor([0.3, -0.2, 0.8, -0.5], dtype=torch.float64) * sigma
    evidence = MultivariateNormal(b, w @ w.T + sigma**2 * torch.eye(9, dtype=torch.float64))
    x = evidence.sample((6,))
    posterior = Normal(x @ mean.T - mean @ b, torch.exp(0.5 * log_variance))
    return model, x.view(-1, 1, 3, 3), evidence.log_prob(x), posterior


def weights_of(model, x, samples):
    eps = torch.randn(samples, len(x), model.latent, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    return model.log_weights(x, None, model.posterior(x), eps)


def test_with_the_exact_posterior_the_bound_is_the_evidence_for_every_z():
    torch.manual_seed(0)
    model, x, evidence, _ = linear_gaussian(exact=True)
    weights = weights_of(model, x, 50)
    assert (weights - evidence).abs().max() < 1e-9
    assert (model.bound(x, None, 1, torch.Generator().manual_seed(0)) - evidence).abs().max() < 1e-9


def test_elbo_is_the_evidence_minus_the_divergence_to_the_posterior():
    torch.manual_seed(0)
    model, x, evidence, posterior = linear_gaussian(exact=False)
    mu, log_variance = model.posterior(x)
    gap = kl_divergence(Normal(mu, torch.exp(0.5 * log_variance)), posterior).sum(1)
    weights = weights_of(model, x, 200_000)
    error = 4 * weights.std(0) / math.sqrt(200_000)
    assert ((weights.mean(0) - (evidence - gap)).abs() < error + 1e-5).all()
    # And the loss, with its closed-form KL, agrees with it in mean.
    losses = torch.stack([model.loss(batch_of(x, seed))["loss"] for seed in range(4000)])
    assert losses.mean().item() == pytest.approx((gap - evidence).mean().item(), abs=0.02)


def test_importance_weighted_bound_rises_with_k_and_stays_below_the_evidence():
    torch.manual_seed(0)
    model, x, evidence, _ = linear_gaussian(exact=False)
    many = x.repeat(3000, 1, 1, 1)
    means = []
    for samples in (1, 2, 5, 20, 100):
        bounds = model.bound(many, None, samples, torch.Generator().manual_seed(samples)).view(3000, 6)
        means.append(bounds.mean().item())
    assert means == sorted(means)
    assert means[-1] < evidence.mean().item() + 1e-3
    assert evidence.mean().item() - means[-1] < 0.3 * (evidence.mean().item() - means[0])


def test_chunks_do_not_change_the_bound():
    model = build("vae", (1, 28, 28), 10, width=16)
    drawn = []

    def log_weights(x, labels, posterior, eps):
        drawn.append(eps.sum(-1))
        return drawn[-1]

    model.log_weights = log_weights
    bound = model.bound(torch.rand(60, 1, 28, 28), None, 1000, torch.Generator())
    assert len(drawn) > 1 and sum(map(len, drawn)) == 1000
    assert not drawn[0].equal(drawn[1])
    assert torch.allclose(bound, torch.cat(drawn).logsumexp(0) - math.log(1000), atol=1e-4)


def test_training_with_k_samples_is_the_importance_weighted_bound():
    model = build("vae", (1, 28, 28), 10, samples=5, width=16)
    x = torch.rand(8, 1, 28, 28).round()
    loss = model.loss(batch_of(x))["loss"]
    expected = -model.bound(x, None, 5, torch.Generator().manual_seed(0)).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_gradient_reaches_mu_and_sigma_through_z():
    model = build("vae", (1, 28, 28), 10, width=16, latent=4)
    terms = model.loss(batch_of(torch.rand(8, 1, 28, 28)))
    bias = model.encoder.connected.linear[-1].bias
    (gradient,) = torch.autograd.grad(terms["reconstruction"], bias)
    assert (gradient[:4] != 0).all() and (gradient[4:] != 0).all()


def test_beta_weighs_the_kl_and_warm_up_raises_it():
    x = torch.rand(8, 1, 28, 28)
    for beta, warmup, seen, weight in [(1, 0, 0, 1), (4, 0, 0, 4), (2, 999, 499, 1), (2, 999, 5000, 2)]:
        terms = build("vae", (1, 28, 28), 10, beta=beta, warmup=warmup, width=16).loss(batch_of(x, seen=seen))
        expected = terms["reconstruction"] + weight * terms["kl"]
        assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_best_sigma_is_the_root_mean_squared_error():
    model = build("vae", (3, 32, 32), 10, width=16, latent=2).double()
    x, z = torch.rand(16, 3, 32, 32).double(), torch.randn(16, 2).double()
    error = (x - model.decode(z)).square().mean()
    with torch.no_grad():
        model.log_sigma.copy_(0.5 * error.log())
    (slope,) = torch.autograd.grad(model.log_likelihood(x, z).mean(), model.log_sigma)
    assert abs(slope.item()) < 1e-6  # of terms near 3,000


def test_the_network_of_the_importance_weighting_paper_is_a_matter_of_settings():
    model = build("vae", (1, 28, 28), 10, latent=50, depth=2, width=200, activation="tanh", samples=50)
    encoder, decoder = model.encoder.connected, model.decoder.network
    sizes = [(layer.in_features, layer.out_features) for layer in [*encoder.linear, *decoder.linear]]
    assert sizes == [(784, 200), (200, 200), (200, 100), (50, 200), (200, 200), (200, 784)]
    z = torch.randn(3, 50)
    by_hand = z
    for layer in decoder.linear[:-1]:
        by_hand = layer(by_hand).tanh()
    assert torch.allclose(model.decode(z), decoder.linear[-1](by_hand).sigmoid().view(3, 1, 28, 28), atol=1e-6)
    assert isinstance(encoder.activation, torch.nn.Tanh)


def test_a_pyramid_has_coarse_and_fine_cells():
    for shape, codes in [((1, 28, 28), 3 * 14**2 + 6 * 7**2), ((3, 32, 32), 3 * 16**2 + 6 * 8**2 + 12 * 4**2)]:
        model = build("vae", shape, 10, network="pyramid", latent=3, channels=8)
        z = model.latents(2, torch.Generator().manual_seed(0))
        assert z.shape == (2, codes) and model.encode(torch.rand(5, *shape)).shape == (5, codes)
        picture = model.decode(z)
        assert picture.shape == (2, *shape)
        fine, coarse = z.clone(), z.clone()
        fine[:, 0] += 1  # the first number of the cell in the upper left corner
        coarse[:, -1] += 1  # the last number of the last of the coarsest cells
        touched = [(model.decode(other) - picture).abs().sum((0, 1)) > 1e-7 for other in (fine, coarse)]
        assert 0 < touched[0].sum() < touched[1].sum()
        assert touched[0][0, 0] and not touched[0][-1, -1]
        assert touched[1][-1, -1]
    with pytest.raises(UserError, match="can be halved"):
        build("vae", (1, 5, 5), 10, network="pyramid")


# CVAE


def test_the_label_enters_the_encoder_and_the_decoder():
    for network in ("connected", "convolutional", "pyramid"):
        model = build("cvae", (1, 28, 28), 10, network=network, width=16, channels=8)
        x, z = torch.rand(4, 1, 28, 28), torch.randn(4, model.codes)
        first, second = torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
        assert not torch.allclose(model.encode(x, first), model.encode(x, second))
        assert not torch.allclose(model.decode(z, first), model.decode(z, second))
