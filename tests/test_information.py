"""Identities of information theory, against SciPy and torch.distributions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from torch.distributions import Categorical, kl_divergence

from genmodels.theory import information as info

CLOSE = 1e-9


def simplex(*shape: int, seed: int = 0, axes: int = 1) -> torch.Tensor:
    """Random distributions along the last `axes` axes, some of their outcomes impossible."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(*shape, generator=generator, dtype=torch.float64) ** 3
    weights[torch.rand(shape, generator=generator) < 0.15] = 0
    weights[(...,) + (0,) * axes] += 1e-3  # never all 0
    return weights / weights.flatten(-axes).sum(-1).view(*shape[: len(shape) - axes], *[1] * axes)


def same(a: torch.Tensor, b) -> bool:
    return torch.allclose(a, torch.as_tensor(np.asarray(b)), rtol=CLOSE, atol=CLOSE)


def test_entropies_and_divergences_agree_with_scipy_and_torch():
    p, q = simplex(200, 7), simplex(200, 7, seed=1).clamp(min=1e-12)
    q = q / q.sum(-1, keepdim=True)
    assert same(info.entropy(p), scipy_entropy(p.numpy(), axis=1))
    assert same(info.entropy(p), Categorical(p).entropy())
    assert same(info.kl(p, q), scipy_entropy(p.numpy(), q.numpy(), axis=1))
    assert same(info.kl(p, q), kl_divergence(Categorical(p), Categorical(q)))
    assert same(info.js(p, q).sqrt(), [jensenshannon(a, b) for a, b in zip(p.numpy(), q.numpy(), strict=True)])
    assert same(info.total_variation(p, q), (p - q).clamp(min=0).sum(-1))


def test_cross_entropy_is_entropy_and_divergence():
    p, q = simplex(200, 5), simplex(200, 5, seed=1)
    assert same(info.cross_entropy(p, q), info.entropy(p) + info.kl(p, q))
    assert same((p * info.self_information(p).nan_to_num(posinf=0)).sum(-1), info.entropy(p))


def test_inequalities_between_divergences():
    p, q, r = simplex(200, 6), simplex(200, 6, seed=1), simplex(200, 6, seed=2)
    kl, js, tv = info.kl(p, q), info.js(p, q), info.total_variation(p, q)
    assert (tv**2 <= kl / 2 + CLOSE).all()  # Pinsker
    assert (tv <= (2 * js).sqrt() + CLOSE).all() and (js <= math.log(2) + CLOSE).all() and (js >= 0).all()
    assert (info.js(p, r).sqrt() <= js.sqrt() + info.js(q, r).sqrt() + CLOSE).all()  # a metric
    assert same(js, info.js(q, p))


def test_what_two_variables_say_about_each_other():
    pxy = simplex(200, 4, 3, axes=2)
    px, py = info.marginals(pxy)
    joint, shared = info.joint_entropy(pxy), info.mutual_information(pxy)
    x_given_y, y_given_x = info.conditional_entropy(pxy), info.conditional_entropy(pxy.mT)
    assert same(joint, info.entropy(pxy.flatten(1)))
    assert same(x_given_y, joint - info.entropy(py)) and same(y_given_x, joint - info.entropy(px))
    assert same(shared, info.entropy(px) - x_given_y) and same(shared, info.entropy(py) - y_given_x)
    assert same(shared, info.kl(pxy.flatten(1), (px[:, :, None] * py[:, None]).flatten(1)))
    columns = pxy.mT / py[..., None].clamp(min=1e-300)  # p(x|y), a row for each y
    columns[py == 0] = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)  # anything: it counts with weight 0
    assert same(x_given_y, (py * info.entropy(columns)).sum(-1))


def test_known_tables():
    p = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    independent, copy = p[:, None] * p, torch.diag(p)
    assert info.mutual_information(independent).item() == pytest.approx(0, abs=CLOSE)
    assert info.mutual_information(copy).item() == pytest.approx(info.entropy(p).item(), abs=CLOSE)
    assert info.conditional_entropy(copy).item() == 0
    noisy = torch.tensor([[0.45, 0.05], [0.05, 0.45]])  # a binary symmetric channel
    lost = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert info.mutual_information(noisy).item() == pytest.approx(math.log(2) - lost, abs=1e-7)
    assert info.entropy(torch.full((8,), 1 / 8)).item() == pytest.approx(math.log(8), abs=1e-7)


def test_disjoint_and_impossible_outcomes():
    p, q = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert info.entropy(p) == 0 and str(info.entropy(p).item()) == "0.0"
    assert info.kl(p, q) == math.inf and info.cross_entropy(p, q) == math.inf
    assert info.js(p, q).item() == pytest.approx(math.log(2), abs=1e-12) and info.total_variation(p, q) == 1
    assert info.kl(p, p) == 0 and info.js(q, q) == 0
    assert info.self_information(p).tolist() == [0, math.inf]
    tiny = torch.tensor([1 - 1e-300, 1e-300], dtype=torch.float64)
    assert info.kl(tiny, p) == math.inf and info.kl(p, tiny) == 0
    smallest = torch.tensor([1.0, 5e-324], dtype=torch.float64)  # half of it is 0
    assert info.js(smallest, p) == info.js(p, smallest) == 0


def test_the_chain_rule_gives_the_joint_back():
    pxyz = simplex(200, 3, 2, 4, axes=3)
    px, y_given_x, z_given_xy, product = info.chain_rule(pxyz)
    assert same(product, pxyz)
    for factor in (px, y_given_x, z_given_xy):
        assert same(factor.sum(-1), torch.ones(factor.shape[:-1], dtype=torch.float64))
    pxy = pxyz.sum(-1)
    parts = info.entropy(px) + info.conditional_entropy(pxy.mT)
    last = (pxy * torch.where(pxy > 0, info.entropy(z_given_xy), 0.0)).sum((-2, -1))
    assert same(parts + last, info.entropy(pxyz.flatten(1)))
    impossible = torch.zeros(2, 2, 2, dtype=torch.float64)
    impossible[0, 0, 0] = 1
    assert all(factor.isfinite().all() for factor in info.chain_rule(impossible))
    assert same(info.chain_rule(impossible)[3], impossible)


@settings(deadline=None, max_examples=50)
@given(some.lists(some.floats(0, 1), min_size=2, max_size=6), some.permutations(range(6)))
def test_names_of_outcomes_do_not_matter(weights, order):
    p = torch.tensor(weights, dtype=torch.float64) + 1e-3
    p = p / p.sum()
    shuffled = p[[i for i in order if i < len(p)]]
    assert info.entropy(p).item() == pytest.approx(info.entropy(shuffled).item(), abs=CLOSE)
    assert 0 <= info.entropy(p) <= math.log(len(p)) + CLOSE
    uniform = torch.full_like(p, 1 / len(p))
    assert info.kl(p, uniform).item() == pytest.approx(math.log(len(p)) - info.entropy(p).item(), abs=CLOSE)


@pytest.mark.parametrize(
    ("values", "reason"),
    [([0.5, 0.6], "sums to 1.1"), ([-0.1, 1.1], "negative"), ([math.nan, 1], "not a number"), ([], "outcome")],
)
def test_what_is_no_distribution_is_refused_with_its_reason(values, reason):
    wrong = torch.tensor(values)
    for function in (info.entropy, info.self_information):
        with pytest.raises(ValueError, match=reason):
            function(wrong)
    for function in (info.kl, info.js, info.cross_entropy, info.total_variation):
        with pytest.raises(ValueError, match=reason):
            function(wrong, wrong)
    for function in (info.joint_entropy, info.conditional_entropy, info.mutual_information, info.marginals):
        with pytest.raises(ValueError, match=reason):
            function(wrong[None])
    with pytest.raises(ValueError, match=reason):
        info.chain_rule(wrong[None, None])


def test_the_one_wrong_distribution_of_a_batch_is_named():
    with pytest.raises(ValueError, match="sums to 0.7"):
        info.entropy(torch.tensor([[0.5, 0.5], [0.5, 0.2], [1.0, 0.0]]))


def test_batches_answer_like_each_of_their_parts():
    p, q = simplex(3, 4, 5), simplex(3, 4, 5, seed=1)
    pxy, pxyz = simplex(3, 4, 2, 3, axes=2), simplex(3, 4, 2, 3, 2, axes=3)
    for function in (info.kl, info.js, info.cross_entropy, info.total_variation):
        assert same(function(p, q)[2, 1], function(p[2, 1], q[2, 1]))
        assert same(function(p, q[0, 0])[2, 1], function(p[2, 1], q[0, 0]))
    for function in (info.joint_entropy, info.conditional_entropy, info.mutual_information):
        assert same(function(pxy)[2, 1], function(pxy[2, 1]))
    for whole, part in zip(info.chain_rule(pxyz), info.chain_rule(pxyz[2, 1]), strict=True):
        assert same(whole[2, 1], part)


def test_two_distributions_need_the_same_outcomes():
    with pytest.raises(ValueError, match="outcomes"):
        info.kl(torch.tensor([1.0]), torch.tensor([0.5, 0.5]))
