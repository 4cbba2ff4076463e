"""Divergences of sliding distributions against closed forms, quadrature and torch.distributions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.integrate import quad
from scipy.stats import wasserstein_distance
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal, Normal, kl_divergence

from genmodels.theory import divergence as div
from genmodels.theory.transport import wasserstein_1d, wasserstein_gaussian

T = torch.linspace(-5, 5, 41, dtype=torch.float64)
OPTIONS = [
    ("gaussians", 1.0),
    ("gaussians", 0.5),
    ("gaussians", 3.0),
    ("uniforms", 1.0),
    ("uniforms", 2.0),
    ("uniforms", 0.3),
]
SHIFTS = [("points", {}), ("segments", {}), ("mixtures", {}), *((name, {"scale": scale}) for name, scale in OPTIONS)]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def densities(family: str, t: float, scale: float = 1.0):
    def normal(x, mean, deviation):
        return math.exp(-(((x - mean) / deviation) ** 2) / 2) / deviation / math.sqrt(2 * math.pi)

    def mixture(x):
        return sum(normal(x, mode, div.NARROW) for mode in div.MODES) / 2

    if family == "gaussians":
        return (lambda x: normal(x, 0, 1)), (lambda x: normal(x, t, scale))
    if family == "mixtures":
        return mixture, lambda x: mixture(x - t)
    return (lambda x: float(abs(x) <= 0.5)), (lambda x: float(abs(x - t) <= scale / 2) / scale)


@pytest.mark.parametrize(("family", "options"), SHIFTS[2:])
@pytest.mark.parametrize("t", (-2.7, -0.3, 0.0, 0.4, 1.9))
def test_js_and_tv_are_their_integrals(family, options, t):
    p, q = densities(family, t, **options)
    edges = [-0.5, 0.5, *(t + s * options.get("scale", 1.0) / 2 for s in (-1, 1))] if family == "uniforms" else [0, t]
    found = div.FAMILIES[family](torch.tensor([t], dtype=torch.float64), **options)

    def integral(f):
        cuts = sorted({-25.0, 25.0, *edges, *torch.linspace(-8, 8, 17).tolist()})
        return sum(quad(f, a, b, limit=200)[0] for a, b in zip(cuts, cuts[1:], strict=False))

    def js(x):
        a, b = p(x), q(x)
        return sum(s * math.log(2 * s / (a + b)) for s in (a, b) if s > 0) / 2

    assert found.tv.item() == pytest.approx(integral(lambda x: abs(p(x) - q(x)) / 2), abs=1e-6)
    assert found.js.item() == pytest.approx(integral(js), abs=1e-7)


def test_gaussians_have_their_closed_forms():
    for scale in (0.5, 1.0, 2.0):
        found = div.gaussians(T, scale)
        p, q = Normal(torch.zeros_like(T), 1.0), Normal(T, scale)
        assert torch.allclose(found.kl, kl_divergence(p, q)) and torch.allclose(found.reverse_kl, kl_divergence(q, p))
        for t, w2 in zip(T[::8], found.w2[::8], strict=True):
            one = torch.eye(1)
            exact = wasserstein_gaussian(torch.zeros(1), one, t[None], scale**2 * one)
            assert w2.item() == pytest.approx(exact.item(), abs=1e-7)
        x = torch.linspace(-9, 9, 200_001, dtype=torch.float64)
        density = Normal(0.0, 1.0).log_prob(x).exp()
        for t, w1 in zip(T[::8], found.w1[::8], strict=True):
            assert w1.item() == pytest.approx(
                torch.trapezoid((t + (scale - 1) * x).abs() * density, x).item(), abs=1e-7
            )
    assert torch.allclose(div.gaussians(T).tv, torch.erf(T.abs() / math.sqrt(8)), rtol=0, atol=1e-12)
    nearly = div.gaussians(T, 1 + 1e-9)  # two crossings, one of them nearly at infinity
    assert torch.allclose(nearly.tv, div.gaussians(T).tv, rtol=0, atol=1e-8)


@pytest.mark.parametrize("t", (0.4, 1.9, 4.0, 8.0, 13.0, 40.0))
def test_the_divergence_of_mixtures_is_finite_however_far_apart(t):
    x = torch.linspace(-7, 7, 200_001, dtype=torch.float64)

    def log_density(x):
        modes = Normal(torch.tensor(div.MODES, dtype=torch.float64), div.NARROW)
        return MixtureSameFamily(Categorical(torch.ones(2, dtype=torch.float64)), modes).log_prob(x)

    exact = torch.trapezoid(log_density(x).exp() * (log_density(x) - log_density(x - t)), x).item()
    values, slopes = div.slopes(div.mixtures, torch.tensor([t, -t], dtype=torch.float64))
    assert values.kl.tolist() == pytest.approx([exact] * 2, rel=1e-9)
    assert values.reverse_kl.tolist() == pytest.approx([exact] * 2, rel=1e-9)  # the modes mirror each other
    before, after = div.mixtures(torch.tensor([t - 1e-4, t + 1e-4], dtype=torch.float64)).kl.tolist()
    change = (after - before) / 2e-4
    assert slopes.kl.tolist() == pytest.approx([change, -change], rel=1e-6)


def test_variation_of_mixtures_misses_no_crossing():
    t = torch.linspace(-6, 6, 121, dtype=torch.float64)
    x = torch.linspace(-12, 12, 40_001, dtype=torch.float64)
    for moved, tv in zip(t, div.mixtures(t).tv, strict=True):
        p, q = div.densities("mixtures", x, moved.item())
        assert tv.item() == pytest.approx(torch.trapezoid((p - q).abs(), x).item() / 2, abs=1e-6)


def test_uniforms_of_unequal_width():
    inside, touching = (div.uniforms(torch.tensor([t], dtype=torch.float64), 2.0) for t in (0.2, 5.0))
    assert inside.kl.item() == pytest.approx(math.log(2)) and inside.reverse_kl.item() == math.inf
    assert touching.kl.item() == math.inf and touching.js.item() == pytest.approx(math.log(2))
    u = torch.linspace(-0.5, 0.5, 100_001, dtype=torch.float64)
    for scale in (0.3, 2.0):
        for t in (0.0, 0.2, 1.4):
            found = div.uniforms(torch.tensor([t], dtype=torch.float64), scale)
            moved = (t + (scale - 1) * u).abs()
            assert found.w1.item() == pytest.approx(torch.trapezoid(moved, u).item(), abs=1e-8)
            assert found.w2.item() == pytest.approx(torch.trapezoid(moved**2, u).sqrt().item(), abs=1e-8)


def test_the_figure_of_the_wasserstein_gan_paper():
    values, slopes = div.slopes(div.segments, torch.tensor([-1.5, 0.0, 0.3], dtype=torch.float64))
    assert values.w1.tolist() == values.w2.tolist() == [1.5, 0.0, 0.3]
    assert values.js.tolist() == pytest.approx([math.log(2), 0, math.log(2)])
    assert values.kl.tolist() == values.reverse_kl.tolist() == [math.inf, 0, math.inf]
    assert values.tv.tolist() == [1, 0, 1]
    assert slopes.w1[[0, 2]].tolist() == [-1, 1] and slopes.js.tolist() == [0, 0, 0]


def test_far_apart_js_is_silent_and_wasserstein_is_not():
    for family in div.FAMILIES.values():
        values, slopes = div.slopes(family, torch.tensor([40.0]))
        assert values.js.item() == pytest.approx(math.log(2), abs=1e-9) and abs(slopes.js.item()) < 1e-9
        assert values.w1.item() == pytest.approx(40, abs=1e-6) and slopes.w1.item() == pytest.approx(1, abs=1e-6)
        assert values.tv.item() == pytest.approx(1, abs=1e-12) and abs(slopes.tv.item()) < 1e-12


def test_a_shift_of_mixtures_has_a_second_valley_in_js_and_none_in_w():
    values = div.mixtures(torch.linspace(0, 8, 161, dtype=torch.float64))
    there = values.js[80]  # where one mode stands on the other's place
    assert there < values.js[50] - 0.1 and there < values.js[110] - 0.1
    assert (values.w1.diff() > 0).all()


@pytest.mark.parametrize(("family", "options"), SHIFTS)
def test_slopes_are_those_of_the_values(family, options):
    t = torch.tensor([-3.1, -0.7, 0.45, 2.3], dtype=torch.float64)
    step = 1e-5
    values, slopes = div.slopes(div.FAMILIES[family], t, **options)
    after, before = (div.FAMILIES[family](t + s, **options) for s in (step, -step))
    for name in div.Distances._fields:
        finite = getattr(values, name).isfinite()
        slope = getattr(slopes, name)
        assert slope[~finite].isnan().all()
        difference = (getattr(after, name) - getattr(before, name)) / (2 * step)
        assert torch.allclose(slope[finite], difference[finite], atol=1e-6), name


@settings(deadline=None, max_examples=25)
@given(some.floats(-20, 20), some.sampled_from(SHIFTS))
def test_bounds_and_mirror(t, which):
    name, options = which
    left, right = (div.FAMILIES[name](torch.tensor([s * t], dtype=torch.float64), **options) for s in (-1, 1))
    for field, value in right._asdict().items():
        assert value >= -1e-12 and not value.isnan(), field
        assert getattr(left, field).item() == pytest.approx(value.item(), abs=1e-9)
    assert right.js <= math.log(2) + 1e-9 and right.tv <= 1 + 1e-9 and right.w1 <= right.w2 + 1e-9
    assert right.tv**2 <= right.kl / 2 + 1e-9 and right.tv <= (2 * right.js).sqrt() + 1e-9


def test_estimates_from_samples_and_their_floor():
    generator = torch.Generator().manual_seed(0)

    def draw(g, n=400):
        return torch.randn(n, generator=g, dtype=torch.float64)

    x, y = draw(generator), draw(generator) + 2
    found, exact = div.from_samples(x, y), div.gaussians(torch.tensor([2.0]))
    assert found.w1.item() == pytest.approx(wasserstein_distance(x, y), abs=1e-12)
    assert found.w2.item() == pytest.approx(wasserstein_1d(x, y, 2).item())
    assert found.js.item() == pytest.approx(exact.js.item(), abs=0.05)
    floor = div.floor(draw)
    assert 0.005 < floor.js < 0.1 and 0.01 < floor.w1 < 0.2  # two samples of one law are not at 0
    more = div.floor(lambda g: draw(g, 6400))
    assert more.js < 0.5 * floor.js and more.w1 < 0.5 * floor.w1
    again = div.floor(draw)
    assert all(a.item() == b.item() for a, b in zip(floor, again, strict=True))
    assert 0 < floor.kl < 0.5 and 0 < floor.reverse_kl < 0.5  # no bin is empty only because it lies in a tail
    equal = div.from_samples(torch.ones(3), torch.ones(5))
    assert equal.js == 0 and equal.w1 == 0


@pytest.mark.parametrize(("n", "m"), ((3, 3), (3, 200), (200, 3)))
def test_samples_that_do_not_meet(n, m):
    found = div.from_samples(torch.zeros(n), torch.full((m,), 0.25))
    assert found.kl == found.reverse_kl == math.inf and found.tv == 1
    assert found.js.item() == pytest.approx(math.log(2), abs=1e-12) and found.w1 == found.w2 == 0.25


def test_estimates_agree_with_scipy_and_approach_the_truth():
    x, y = normal(200, 60), 0.5 + normal(200, 90, seed=1)
    found = div.from_samples(x, y)
    exact = [wasserstein_distance(a, b) for a, b in zip(x, y, strict=True)]
    assert found.w1.tolist() == pytest.approx(exact, abs=1e-9)
    one = div.from_samples(x[7], y[7])
    assert all(a[7].item() == pytest.approx(b.item(), abs=1e-9) for a, b in zip(found, one, strict=True))
    assert (found.tv**2 <= found.kl / 2 + 1e-9).all() and (found.tv <= (2 * found.js).sqrt() + 1e-9).all()
    many = div.from_samples(normal(100_000), 1 + normal(100_000, seed=1))
    for name, truth in div.gaussians(torch.ones(1, dtype=torch.float64))._asdict().items():
        assert getattr(many, name).item() == pytest.approx(truth.item(), abs=0.03), name


@pytest.mark.parametrize("wrong", (torch.tensor([]), torch.tensor([0.0, math.nan]), torch.tensor([math.inf])))
def test_what_is_no_sample_is_refused(wrong):
    for x, y in ((wrong, torch.ones(3)), (torch.ones(3), wrong)):
        with pytest.raises(ValueError, match="finite"):
            div.from_samples(x, y)


def test_looking_draws_from_no_generator_but_its_own():
    before = torch.get_rng_state()
    div.floor(lambda g: div.draw("mixtures", 50, 1.0, 1.0, g))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("family", ("gaussians", "uniforms", "mixtures"))
def test_samples_follow_their_densities(family):
    scale = 1.0 if family == "mixtures" else 1.7
    x = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    drawn = div.draw(family, 100_000, 1.3, scale, generator)
    density = div.densities(family, x, 1.3, scale)[1]
    for power in (0, 1, 2, 3):
        moment = torch.trapezoid(density * x**power, x).item()
        assert moment == pytest.approx(drawn.pow(power).mean().item(), abs=0.03 * 4**power, rel=0.02)


def test_the_discriminator_bounds_js_from_below():
    p, q = Normal(0.0, 1.0), Normal(1.5, 1.0)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200_000, generator=generator, dtype=torch.float64)
    y = torch.randn(200_000, generator=generator, dtype=torch.float64) + 1.5
    js = div.gaussians(torch.tensor([1.5])).js.item()
    best = div.js_bound(p.log_prob(x) - q.log_prob(x), p.log_prob(y) - q.log_prob(y)).item()
    assert best == pytest.approx(js, abs=2e-3)
    assert div.js_bound(0.3 * (p.log_prob(x) - q.log_prob(x)), 0.3 * (p.log_prob(y) - q.log_prob(y))) < best - 0.01
    assert div.js_bound(torch.zeros(5), torch.zeros(5)).item() == pytest.approx(0, abs=1e-6)
    sure = torch.full((2, 5), 1e4)
    assert div.js_bound(sure, -sure).tolist() == pytest.approx([math.log(2)] * 2)
    assert div.js_bound(-sure, sure).tolist() == pytest.approx([math.log(2) - 1e4] * 2)  # surely wrong


def test_gaussian_divergence_agrees_with_torch():
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        roots = torch.randn(2, 3, 3, generator=generator, dtype=torch.float64)
        S0, S1 = roots @ roots.mT + 0.1 * torch.eye(3)
        m0, m1 = torch.randn(2, 3, generator=generator, dtype=torch.float64)
        exact = kl_divergence(MultivariateNormal(m0, S0), MultivariateNormal(m1, S1))
        assert div.kl_gaussian(m0, S0, m1, S1).item() == pytest.approx(exact.item(), rel=1e-9)


def test_covariances_must_be_positive_definite():
    zero, one, flat = torch.zeros(2), torch.eye(2), torch.ones(2, 2)
    for S0, S1 in ((one, flat), (flat, one), (one, -one)):
        with pytest.raises(ValueError, match="positive definite"):
            div.kl_gaussian(zero, S0, zero, S1)


BANDWIDTHS = (0.5, 2.0, 8.0)


def test_mmd_is_its_sums_over_pairs():
    x, y = normal(5, 3), 1 + 2 * normal(7, 3, seed=1)

    def kernel(a, b):
        return sum(math.exp(-(a - b).square().sum().item() / (2 * s)) for s in BANDWIDTHS)

    def within(points):
        n = len(points)
        return sum(kernel(points[i], points[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    between = sum(kernel(a, b) for a in x for b in y) / 35
    assert div.mmd(x, y, BANDWIDTHS).item() == pytest.approx(within(x) + within(y) - 2 * between, abs=1e-12)
    with pytest.raises(ValueError, match="two points"):
        div.mmd(x[:1], y, BANDWIDTHS)


def test_mmd_is_unbiased_and_agrees_with_the_closed_form_of_two_gaussians():
    root = normal(2, 2, seed=3)
    m0, S0, m1, S1 = torch.zeros(2).double(), torch.eye(2).double(), torch.tensor([1.0, -0.5]).double(), root @ root.mT
    exact = div.mmd_gaussians(m0, S0, m1, S1, BANDWIDTHS).item()
    found = div.mmd(normal(400, 50, 2), m1 + normal(400, 60, 2, seed=1) @ root.mT, BANDWIDTHS)
    error = found.std().item() / 400**0.5
    assert error < exact / 40 and found.mean().item() == pytest.approx(exact, abs=4 * error)
    same = div.mmd(normal(400, 50, 2), normal(400, 50, 2, seed=1), BANDWIDTHS)
    assert same.min() < 0 and abs(same.mean().item()) < 4 * same.std().item() / 400**0.5
    assert div.mmd_gaussians(m1, S1, m1, S1, BANDWIDTHS).item() == pytest.approx(0, abs=1e-12)
