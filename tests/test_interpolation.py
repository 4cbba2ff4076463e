"""Paths in latent space."""

import pytest
import torch

from genmodels.theory.interpolation import lerp, slerp

A = torch.tensor([3.0, 0.0, 0.0], dtype=torch.float64)
B = torch.tensor([0.0, 4.0, 0.0], dtype=torch.float64)


@pytest.mark.parametrize("path", [lerp, slerp])
def test_ends_are_the_ends(path):
    a, b = torch.randn(2, 50, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(path(a, b, 0.0), a, atol=1e-12)
    assert torch.allclose(path(a, b, 1.0), b, atol=1e-12)


def test_lerp_is_straight():
    assert torch.allclose(lerp(A, B, 0.25), torch.tensor([2.25, 1.0, 0.0], dtype=torch.float64))


def test_slerp_turns_evenly_and_its_norm_grows_evenly():
    for t in (0.1, 0.5, 0.8):
        point = slerp(A, B, t)
        assert point.norm().item() == pytest.approx(3 + t)
        assert torch.atan2(point[1], point[0]).item() == pytest.approx(t * torch.pi / 2)
        assert point[2] == 0


def test_slerp_keeps_the_norm_of_equal_norms():
    a, b = torch.randn(2, 100, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    b *= a.norm(dim=-1, keepdim=True) / b.norm(dim=-1, keepdim=True)
    assert torch.allclose(slerp(a, b, 0.3).norm(dim=-1), a.norm(dim=-1), atol=1e-12)


def test_slerp_of_nearly_parallel_vectors_is_lerp():
    b = A + torch.tensor([0.0, 1e-9, 0.0], dtype=torch.float64)
    assert torch.allclose(slerp(A, b, 0.5), lerp(A, b, 0.5), atol=1e-12)
    assert torch.equal(slerp(A, A, 0.5), A)


def test_slerp_takes_many_steps_at_once():
    t = torch.linspace(0, 1, 5, dtype=torch.float64)[:, None]
    many = slerp(A, B, t)
    assert many.shape == (5, 3)
    assert torch.allclose(many[2], slerp(A, B, 0.5))


def test_opposite_and_zero_vectors_are_refused():
    with pytest.raises(ValueError, match="no single way"):
        slerp(A, -2 * A, 0.5)
    with pytest.raises(ValueError, match="no direction"):
        slerp(A, torch.zeros_like(A), 0.5)
