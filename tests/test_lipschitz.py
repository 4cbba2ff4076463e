"""Bounds on slopes against dense matrices and functions whose slope is known."""

import math

import pytest
import torch
from torch import nn

from genmodels.models.layers import MLP, Downsampler
from genmodels.theory import lipschitz


def dense(layer: nn.Module, shape: tuple[int, ...]) -> torch.Tensor:
    """The matrix of a linear layer, column by column."""
    size = math.prod(shape)
    with torch.no_grad():
        zero = layer(torch.zeros(1, *shape, dtype=torch.float64))
        return (layer(torch.eye(size, dtype=torch.float64).view(size, *shape)) - zero).flatten(1).T


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, padding=1),
        nn.Conv2d(2, 4, 4, 2, 1),
        nn.Conv2d(2, 2, 3, padding=1, groups=2),
        nn.ConvTranspose2d(2, 3, 4, 2, 1),
        nn.Conv2d(2, 5, 6),
    ],
)
def test_a_convolution_counts_as_the_map_it_is(layer):
    torch.manual_seed(0)
    nn.init.normal_(layer.weight)
    shape = (2, 6, 6)
    exact = torch.linalg.matrix_norm(dense(layer.double(), shape), 2).item()
    assert lipschitz.norm_of(layer, shape) == pytest.approx(exact, rel=1e-4)


def test_the_reshaped_kernel_says_something_else():
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(layer.weight)
    reshaped = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
    assert reshaped == pytest.approx(3) and lipschitz.norm_of(layer, (1, 16, 16)) > 8


def test_linear_functions_are_as_steep_as_their_weights():
    weight = torch.tensor([3.0, -4.0])
    x = torch.randn(10, 2)
    assert lipschitz.slopes(lambda x: x @ weight, x).tolist() == pytest.approx([5] * 10)
    assert lipschitz.on_grid(lambda x: x @ weight, -1, 1, 2, 11).item() == pytest.approx(5)
    network = nn.Sequential(nn.Linear(2, 1))
    network[0].weight.data = weight[None]
    assert lipschitz.upper_bound(network, (2,)) == pytest.approx(5)


@pytest.mark.parametrize("activation", (nn.ReLU, lambda: nn.LeakyReLU(0.2), nn.Tanh, nn.GELU, nn.Softplus, nn.ELU))
def test_looking_finds_less_than_the_layers_allow(activation):
    torch.manual_seed(0)
    for dimensions in (1, 2):
        network = MLP([dimensions, 32, 32, 1], activation)
        x, y = torch.randn(50, dimensions), torch.randn(50, dimensions) + 2
        seen = lipschitz.lower_bound(network, x, y, lipschitz.between(x, y))
        exact = lipschitz.on_grid(network, -8, 8, dimensions, 401)
        assert seen <= exact * 1.05 and exact <= lipschitz.upper_bound(network, (dimensions,))
        assert lipschitz.upper_bound(network, (dimensions,)) < 1000 * exact


def test_known_slopes_of_activations():
    x = torch.linspace(-12, 12, 100_001)[:, None]
    for layer in (nn.ReLU(), nn.LeakyReLU(1.7), nn.ELU(1.5), nn.GELU(), nn.Tanh(), nn.Sigmoid(), nn.Softplus()):
        assert lipschitz.slopes(layer, x).max().item() == pytest.approx(lipschitz.norm_of(layer, (1,)), rel=1e-3)


def test_a_discriminator_of_images_is_bounded():
    network = Downsampler(1, 28, 8, 1, nn.LeakyReLU(0.2), "batch").eval()
    bound = lipschitz.upper_bound(network, (1, 28, 28))
    assert bound >= lipschitz.lower_bound(network, torch.randn(20, 1, 28, 28)) > 0
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data *= 2
    assert lipschitz.upper_bound(network, (1, 28, 28)) > 7 * bound


def test_layers_without_a_bound_are_named():
    with pytest.raises(ValueError, match="LayerNorm"):
        lipschitz.upper_bound(nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), (3,))
    with pytest.raises(ValueError, match="BatchNorm1d"):
        lipschitz.norm_of(nn.BatchNorm1d(3).train(), (3,))
    with pytest.raises(ValueError, match="dimensions"):
        lipschitz.on_grid(lambda x: x.sum(1), 0, 1, 3)


def test_points_between_lie_between():
    x, y = torch.zeros(1000, 2), torch.ones(1000, 2)
    points = lipschitz.between(x, y, torch.Generator().manual_seed(0))
    assert torch.equal(points[:, 0], points[:, 1]) and points.min() >= 0 and points.max() <= 1
    assert points.mean().item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("distance", "weight"), [(1.0, 10.0), (3.0, 0.5), (0.2, 2.0)])
def test_a_penalty_overshoots_as_predicted(distance, weight):
    slope = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([slope], line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = -slope * distance + weight * (slope - 1) ** 2
        value.backward()
        return value

    optimizer.step(loss)
    assert lipschitz.penalised(distance, weight) == pytest.approx((slope.item(), slope.item() * distance), rel=1e-6)
