"""Codes: planes, grids, paths, posteriors, the mixture fitted to them, and denoising."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from genmodels import data, latent, mixture
from genmodels.errors import UserError
from genmodels.models import build
from genmodels.theory.interpolation import slerp

MNIST = data.load("mnist")


def fresh(name: str, **settings):
    return build(name, MNIST.shape, 10, seed=3, **({"width": 16} | settings)).eval().requires_grad_(False)


@pytest.fixture(scope="module", params=["ae", "dae", "vae", "cvae"])
def model(request):
    return fresh(request.param, latent=6)


def test_the_plane_of_principal_components_holds_what_a_decomposition_says(model):
    z, _ = latent.codes(model, MNIST)
    seen = latent.plane(model, MNIST)
    values = torch.linalg.svdvals((z - z.mean(0)).double()) ** 2
    assert seen.shares == pytest.approx((values[:2] / values.sum()).tolist(), rel=1e-4)
    gram = seen.directions @ seen.directions.T
    assert gram[0, 1].abs() < 1e-5 * gram.diag().max()
    units = seen.directions / seen.directions.norm(dim=1, keepdim=True)
    along = ((z - z.mean(0)) @ units.T).var(0, correction=0) / z.var(0, correction=0).sum()
    assert along.tolist() == pytest.approx(seen.shares, rel=1e-4)
    back = seen.codes(seen.places)  # the orthogonal projection: what is left over is orthogonal to the plane
    assert ((z - back) @ seen.directions.T).abs().max() < 1e-4 * z.abs().max() * seen.directions.norm()


def test_units_are_the_priors_or_else_the_codes_own(model):
    seen = latent.plane(model, MNIST)
    if latent.has_prior(model):
        assert torch.equal(seen.centre, torch.zeros(6))
        assert seen.directions.norm(dim=1) == pytest.approx([1, 1], abs=1e-5)
    else:
        assert seen.places.mean(0).tolist() == pytest.approx([0, 0], abs=1e-4)
        assert seen.places.std(0, correction=0).tolist() == pytest.approx([1, 1], abs=1e-4)


def test_two_dimensions_are_seen_as_they_are():
    model = fresh("vae", latent=2)
    z, labels = latent.codes(model, MNIST)
    seen = latent.plane(model, MNIST)
    assert torch.allclose(seen.places, z) and torch.equal(seen.labels, labels)
    assert sum(seen.shares) == pytest.approx(1)
    swapped = latent.plane(model, MNIST, 1, 0, principal=False)
    assert torch.allclose(swapped.places, z.flip(1))
    assert seen.nearest(z[17] + 1e-6) == 17
    for wrong in ((0, 2), (1, 1)):
        with pytest.raises(UserError):
            latent.plane(model, MNIST, *wrong, principal=False)
    with pytest.raises(UserError, match="single numbers"):
        latent.plane(fresh("ae", latent=1), MNIST)


def test_the_grid_has_equal_steps_of_probability_and_its_middle_is_the_centre(model):
    steps = latent.quantiles(9)
    shares = Normal(0, 1).cdf(steps.double())
    assert shares.diff() == pytest.approx([1 / 9] * 8, abs=1e-6) and shares[0] == pytest.approx(1 / 18, abs=1e-6)
    seen = latent.plane(model, MNIST)
    images = latent.grid(model, seen, 9, 4)
    label = torch.tensor([4])
    for place, cell in (
        ((0.0, 0.0), 40),
        ((steps[0], steps[8]), 0),
        ((steps[8], steps[8]), 8),
        ((steps[0], steps[0]), 72),
    ):
        alone = latent.decoded(model, seen.codes(torch.tensor([place])), label)
        assert (images[cell].int() - alone[0].int()).abs().max() <= 1  # rows of other sizes round otherwise


def test_paths_end_exactly_in_the_two_encodings(model):
    images, labels = (
        torch.cat(parts) for parts in zip(latent.picture(MNIST, 3), latent.picture(MNIST, 1), strict=True)
    )
    ends = latent.encoded(model, images, labels)
    straight, sphere, told = latent.paths(model, images, labels, 7)
    for path in (straight, sphere):
        assert torch.equal(path[[0, -1]], ends)
        assert torch.equal(latent.decoded(model, path[[0, -1]], told[[0, -1]]), latent.decoded(model, ends, labels))
    assert told.tolist() == [0, 0, 0, 2, 2, 2, 2]
    assert torch.allclose(straight[3], ends.mean(0), atol=1e-5)
    assert sphere[3].norm() == pytest.approx(ends.norm(dim=1).mean().item(), rel=1e-5)
    assert straight[3].norm() < sphere[3].norm()


def test_the_sphere_keeps_the_length_of_codes_of_one_length():
    a, b = torch.randn(2, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    b *= a.norm() / b.norm()
    lengths = slerp(a, b, torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]).norm(dim=1)
    assert (lengths - a.norm()).abs().max() < 1e-12
    assert latent.angle(a, b) == pytest.approx(math.degrees(torch.acos(a @ b / a.norm() ** 2)))
    assert latent.angle(a, 2 * a) == pytest.approx(0, abs=1e-4)


def test_a_draw_is_mu_plus_sigma_eps_and_its_kl_that_of_torch():
    model = fresh("vae", latent=6)
    image, label = latent.picture(MNIST, 5)
    draw, again, other = (latent.draw(model, image, label, seed) for seed in (0, 0, 1))
    assert torch.equal(draw.z, draw.mu + draw.sigma * draw.eps)
    assert torch.equal(draw.eps, again.eps) and not torch.equal(draw.eps, other.eps) and torch.equal(draw.mu, other.mu)
    exact = kl_divergence(Normal(draw.mu, draw.sigma), Normal(torch.zeros(6), torch.ones(6)))
    assert torch.allclose(draw.kl, exact, atol=1e-6)
    images, labels = latent.subset(MNIST)
    posterior = model.posterior(model.from_uint8(images), labels)
    law = Independent(Normal(posterior[0], (0.5 * posterior[1]).exp()), 1)
    prior = Independent(Normal(torch.zeros(6), torch.ones(6)), 1)
    assert latent.mean_kl(model, MNIST).sum() == pytest.approx(kl_divergence(law, prior).mean().item(), rel=1e-4)


def test_a_traversal_changes_one_number_alone():
    model = fresh("vae", latent=6)
    z, label = torch.randn(6), torch.tensor([0])
    before = z.clone()
    strip = latent.traverse(model, z, label, 2, 5)
    moved = before.clone()
    moved[2] = latent.FAR
    assert torch.equal(z, before)
    assert (strip[-1].int() - latent.decoded(model, moved[None], label)[0].int()).abs().max() <= 1
    assert not torch.equal(strip[0], strip[-1])


def test_a_mixture_finds_the_laws_that_points_come_from():
    generator = torch.Generator().manual_seed(0)
    factors = torch.tensor([[[1.0, 0.0], [0.9, 0.3]], [[0.2, 0.0], [0.0, 1.5]]])
    means, counts = torch.tensor([[-6.0, 0.0], [6.0, 2.0]]), (1500, 500)
    parts = [m + torch.randn(n, 2, generator=generator) @ f.T for m, f, n in zip(means, factors, counts, strict=True)]
    law = mixture.fit(torch.cat(parts), 2, generator)
    order = law.means[:, 0].argsort()
    assert law.shares[order].tolist() == pytest.approx([0.75, 0.25])
    for k, part in zip(order.tolist(), parts, strict=True):
        assert torch.allclose(law.means[k], part.mean(0), atol=1e-5)
        ridge = mixture.RIDGE * torch.cat(parts).var(0, correction=0).mean() * torch.eye(2)
        assert torch.allclose(law.factors[k] @ law.factors[k].T, part.T.cov(correction=0) + ridge, atol=1e-4)
    drawn = law.draw(20_000, generator)
    assert torch.allclose(drawn.mean(0), torch.cat(parts).mean(0), atol=0.15)
    assert torch.allclose(drawn.T.cov(), torch.cat(parts).T.cov(), rtol=0.05, atol=0.15)


@pytest.mark.parametrize(
    ("points", "count"), [(torch.zeros(30, 4), 5), (torch.randn(8, 20), 8), (torch.randn(40, 3), 1)]
)
def test_a_mixture_stands_any_points(points, count):
    law = mixture.fit(points, count, torch.Generator().manual_seed(0))
    assert 1 <= len(law.shares) <= count and law.shares.sum() == pytest.approx(1)
    assert law.draw(50, torch.Generator().manual_seed(1)).isfinite().all()


def test_denoising_takes_any_level_and_leaves_the_model_as_it_was():
    model = fresh("dae", latent=6)
    images = MNIST.test_images[:50]
    spoiled, rebuilt, before, after = latent.denoised(model, images, "gaussian", 0.3, 0)
    assert spoiled.shape == rebuilt.shape == images.shape
    assert before.mean() == pytest.approx(0.09, rel=0.02)  # sigma squared, before anything is cut off
    clean = model.from_uint8(images)
    own = model.reconstruct(clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(after, (own - clean).square().flatten(1).mean(1), rtol=1e-4)
    assert (model.corruption, model.sigma, model.masked) == ("gaussian", 0.5, 0.5)
    masked = latent.denoised(model, images, "masking", 1.0, 0)
    assert masked[0].max() == 0 and masked[2] == pytest.approx(clean.square().flatten(1).mean(1))
    levels, corrupted, _ = latent.denoising_curve(model, MNIST, "gaussian")
    assert corrupted == pytest.approx([level**2 for level in levels], rel=0.02, abs=1e-9)
    with pytest.raises(UserError):
        latent.denoised(model, images, "masking", 1.5, 0)


def test_there_is_no_picture_beyond_the_last():
    with pytest.raises(UserError, match="0 to 9,999"):
        latent.picture(MNIST, 10_000)


def test_a_drawing_is_a_digit_only_among_digits():
    pixels = torch.zeros(84, 84, dtype=torch.uint8)
    pixels[10:70, 38:46] = 255
    picture, label = latent.digit(MNIST, pixels)
    assert picture.shape == (1, 1, 28, 28) and label.tolist() == [1]
    with pytest.raises(UserError, match="no digits"):
        latent.digit(data.load("cifar10"), pixels)
