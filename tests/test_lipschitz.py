"""Bounds on slopes against dense matrices and functions whose slope is known."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn
from torch.nn.utils import parametrizations

from genmodels.models.layers import MLP, Downsampler, Encoder, Upsampler
from genmodels.theory import lipschitz

CLOSE = 1e-9


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


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seeded(network: nn.Module, seed: int = 0, scale: float = 0.5) -> nn.Module:
    """The network in float64 and eval mode with weights of its own generator."""
    network = network.double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(scale * torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    return network


def test_slopes_of_known_functions():
    x = drawn(20, 3)
    assert torch.allclose(lipschitz.slopes(lambda x: x.square().sum(1), x), 2 * x.norm(dim=1), rtol=0, atol=CLOSE)
    images = drawn(5, 1, 4, 4)
    found = lipschitz.slopes(lambda x: x.flatten(1).norm(dim=1, keepdim=True), images)
    assert torch.allclose(found, torch.ones(5).double(), rtol=0, atol=CLOSE) and not images.requires_grad
    with torch.no_grad():
        assert lipschitz.slopes(nn.Linear(3, 1).double(), x).shape == (20,)
    with pytest.raises(ValueError, match="one number"):
        lipschitz.slopes(lambda x: x, x)


def test_the_steepest_place_is_found_at_data_at_fakes_or_between():
    def step(place):  # slope 5 at that place on the line, next to none elsewhere
        return lambda x: torch.tanh(5 * (x[:, 0] - place))

    real, fake = torch.full((50, 2), 2.0).double(), torch.full((50, 2), -2.0).double()
    points = real, fake, lipschitz.between(real, fake, torch.Generator().manual_seed(0))
    for place in (2.0, -2.0, 0.7):
        assert 4 < lipschitz.lower_bound(step(place), *points) <= 5 + CLOSE
    assert lipschitz.lower_bound(step(0.7), real, fake) < 1e-3
    again = [lipschitz.between(real, fake, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(again[0], again[1]) and not torch.equal(again[0], again[2])


def test_operator_norms_of_convolutions_are_those_of_their_matrices():
    generator = torch.Generator().manual_seed(0)
    choice = lambda *values: values[torch.randint(len(values), (1,), generator=generator)]  # noqa: E731
    for seed in range(60):
        groups = choice(1, 1, 2)
        inputs, outputs = groups * choice(1, 2), groups * choice(1, 3)
        size, stride, dilation, padding = choice(1, 3, 4), choice(1, 2), choice(1, 1, 2), choice(0, 1, 2)
        kind, shape = choice(
            (nn.Conv2d, (inputs, 7, 8)),
            (nn.Conv1d, (inputs, 9)),
            (nn.ConvTranspose2d, (inputs, 4, 5)),
            (nn.ConvTranspose1d, (inputs, 6)),
        )
        layer = seeded(
            kind(inputs, outputs, size, stride, min(padding, size - 1), dilation=dilation, groups=groups), seed
        )
        exact = torch.linalg.matrix_norm(dense(layer, shape), 2).item()
        ((name, found),) = lipschitz.factors([layer], shape)
        assert name == "0" and exact * (1 - CLOSE) <= found <= exact * (1 + 1e-6)
        sharp = lipschitz.convolution_norm(layer, shape, tolerance=1e-12)
        assert sharp == pytest.approx(exact, rel=CLOSE)


def test_a_convolution_whose_norm_is_known_in_closed_form():
    layer = nn.Conv1d(1, 1, 2, padding=1, bias=False).double()
    nn.init.ones_(layer.weight)  # its matrix times its transpose has 2 on the diagonal and 1 beside it
    for length in (1, 5, 40):
        found = lipschitz.upper_bound([layer], (1, length))
        assert found == pytest.approx(2 * math.cos(math.pi / (2 * (length + 1))), rel=1e-6)


def test_linear_layers_by_their_largest_singular_value():
    for seed in range(200):
        rows, columns = 1 + seed % 7, 1 + seed % 5
        layer = seeded(nn.Linear(columns, rows), seed)
        assert lipschitz.upper_bound([layer], (columns,)) == pytest.approx(
            layer.weight.detach().svd().S[0].item(), rel=CLOSE
        )
    layer = seeded(nn.Linear(4, 1))  # for one linear layer all three are the same
    norm = layer.weight.norm().item()
    assert lipschitz.lower_bound(layer, drawn(3, 4), drawn(3, 4, seed=1)).item() == pytest.approx(norm, rel=CLOSE)
    assert lipschitz.upper_bound(layer, (4,)) == pytest.approx(norm, rel=CLOSE)


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(), nn.LeakyReLU(0.2), nn.LeakyReLU(-3.0), nn.Tanh(), nn.Sigmoid(), nn.Softplus(), nn.Softplus(5), nn.ELU()]
    + [nn.ELU(1.5), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Identity()],
    ids=str,
)
def test_activations_by_their_greatest_slope(activation):
    slope = lipschitz.slopes(activation, torch.linspace(-8, 8, 20001).double()[:, None]).max().item()
    constant = lipschitz.upper_bound([activation], (3,))
    assert slope <= constant + CLOSE and constant == pytest.approx(slope, rel=1e-3)


def test_pooling():
    pool = nn.AvgPool2d(3, 2, 1)
    exact = torch.linalg.matrix_norm(dense(pool, (2, 8, 8)), 2).item()
    assert lipschitz.upper_bound([pool], (2, 8, 8)) == pytest.approx(exact, rel=1e-6)
    assert lipschitz.upper_bound([nn.AdaptiveAvgPool2d(1)], (3, 4, 4)) == pytest.approx(1 / 4, rel=1e-6)
    assert lipschitz.upper_bound([nn.MaxPool2d(2)], (1, 8, 8)) == 1
    for pool in (nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 1), nn.MaxPool2d((3, 1), (1, 1))):
        peak = torch.zeros(1, 1, 9, 9).double()
        peak[..., 4, 4] = 1  # one pixel wins in every window that sees it: the bound is reached
        assert lipschitz.upper_bound([pool], (1, 9, 9)) == pytest.approx(pool(peak).norm().item(), rel=CLOSE)
    with pytest.raises(ValueError, match="dilation"):
        lipschitz.upper_bound([nn.MaxPool2d(2, dilation=2)], (1, 8, 8))


def test_batch_norm_in_eval_mode_by_its_scale():
    norm = seeded(nn.BatchNorm1d(4))
    norm.running_var.copy_(torch.tensor([0.5, 2.0, 1.0, 0.1]))
    exact = torch.linalg.matrix_norm(dense(norm, (4,)), 2).item()
    assert lipschitz.upper_bound([norm], (4,)) == pytest.approx(exact, rel=CLOSE)
    plain = nn.BatchNorm2d(2, affine=False).eval()
    assert lipschitz.upper_bound([plain], (2, 3, 3)) == pytest.approx(1 / math.sqrt(1 + plain.eps))


@settings(deadline=None, max_examples=30)
@given(
    some.integers(1, 2),
    some.lists(some.integers(1, 12), max_size=3),
    some.sampled_from([nn.ReLU, nn.Tanh, nn.GELU, nn.ELU, nn.Softplus]),
    some.integers(0, 999),
)
def test_what_is_seen_what_is_exact_and_what_is_allowed_stand_in_order(dimensions, hidden, activation, seed):
    network = seeded(MLP([dimensions, *hidden, 1], activation), seed, scale=1.0)
    exact = lipschitz.on_grid(lambda x: network(x.double()), -3, 3, dimensions, 2001 if dimensions == 1 else 121).item()
    axis = torch.linspace(-3, 3, 121 if dimensions == 2 else 2001)
    nodes = axis[torch.randint(len(axis), (30, dimensions), generator=torch.Generator().manual_seed(seed))].double()
    assert lipschitz.lower_bound(network, nodes) <= exact * (1 + 1e-6)
    upper = lipschitz.upper_bound(network, (dimensions,))
    assert exact <= upper * (1 + 1e-6)
    assert lipschitz.lower_bound(network, 2 * drawn(30, dimensions, seed=seed)) <= upper * (1 + CLOSE)
    if not hidden:
        assert exact == pytest.approx(upper, rel=1e-6)


def test_the_slope_of_a_broken_line_is_exact_on_a_grid():
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.ones(3, 1))
        network[0].bias.copy_(torch.tensor([1.0, 0.0, -1.0]))
        network[2].weight.copy_(torch.tensor([[1.0, -3.0, 2.5]]))  # slopes 0, 1, -2, 0.5
    for low, high, steepest in ((-3, -1.1, 0), (-0.9, -0.1, 1), (0.1, 0.9, 2), (1.1, 3, 0.5), (-3, 3, 2)):
        found = lipschitz.on_grid(lambda x: network(x.double()), low, high, 1, 41)
        assert found.item() == pytest.approx(steepest, abs=1e-6)
    assert lipschitz.upper_bound(network, (1,)) == pytest.approx(math.sqrt(3 * (1 + 9 + 6.25)))


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (MLP([49, 16, 8, 1], lambda: nn.LeakyReLU(0.2), nn.BatchNorm1d, dropout=0.5), (1, 7, 7)),
        (Downsampler(1, 8, 4, 1, nn.LeakyReLU(0.2, inplace=True), "none"), (1, 8, 8)),
        (Downsampler(3, 16, 4, 1, nn.ReLU(), "batch"), (3, 16, 16)),
        (Upsampler(5, 1, 8, 4, nn.ReLU(), "batch"), (5,)),
    ],
    ids=["mlp", "downsampler", "batch-normed", "upsampler"],
)
def test_the_networks_of_the_models_stay_below_the_product_of_what_they_apply(network, shape):
    network = seeded(network)
    factors = lipschitz.factors(network, shape)
    weighted = [m for m in network.modules() if isinstance(m, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))]
    names = {name for name, module in network.named_modules() if module in weighted}
    assert sum(name in names for name, _ in factors) == len(weighted)  # each once
    bound = lipschitz.upper_bound(network, shape)
    assert bound == pytest.approx(math.prod(factor for _, factor in factors))
    for seed in range(5):
        x = drawn(1, *shape, seed=seed)
        jacobian = torch.autograd.functional.jacobian(network, x).flatten(-x.dim()).flatten(0, -2)
        assert torch.linalg.matrix_norm(jacobian, 2) <= bound


def test_deep_linear_networks_reach_the_bound_when_their_directions_meet():
    network = seeded(MLP([3, 5, 1], nn.Identity))
    with torch.no_grad():  # the last layer takes in what the first stretches most
        network.linear[1].weight.copy_(torch.linalg.svd(network.linear[0].weight).U[:, :1].T)
    exact = lipschitz.lower_bound(network, drawn(2, 3), drawn(2, 3, seed=1)).item()
    assert exact == pytest.approx(lipschitz.upper_bound(network, (3,)), rel=CLOSE)


def test_spectral_norms_count_and_the_live_network_is_left_alone():
    network = nn.Sequential(parametrizations.spectral_norm(nn.Linear(6, 6), n_power_iterations=50), nn.ReLU())
    network.append(parametrizations.spectral_norm(nn.Conv2d(1, 2, 3, padding=1)))
    network.insert(2, nn.Unflatten(1, (1, 2, 3)))
    network.train()
    before = copy.deepcopy(network.state_dict())
    found = dict(lipschitz.factors(network, (6,)))
    assert found["0"] == pytest.approx(1, rel=1e-3) and found["1"] == found["2"] == 1
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert network.training and all(m.training for m in network.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert network[0].bias.dtype == torch.float32 and all(p.requires_grad for p in network.parameters())


def test_a_network_of_zeros():
    network = seeded(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 1)), scale=0)
    assert lipschitz.upper_bound(network, (1, 5, 5)) == 0
    assert lipschitz.lower_bound(network, drawn(2, 1, 5, 5)) == 0


class Residual(nn.Module):
    """x + W x, which is no chain."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.linear(x)


class Doubled(nn.Linear):
    """A layer that does more with its weights than its class says."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("network", "shape", "why"),
    [
        (nn.LayerNorm(3), (3,), "spread"),
        (nn.GroupNorm(1, 2), (2, 4, 4), "spread"),
        (nn.InstanceNorm2d(2), (2, 4, 4), "spread"),
        (nn.BatchNorm2d(3, track_running_stats=False).eval(), (3, 4, 4), "spread"),
        (nn.BatchNorm2d(2), (2, 4, 4), "training mode"),
        (nn.Dropout(0.5), (3,), "training mode"),
        (Residual(), (3,), "one layer after the other"),
        (nn.Sequential(Residual(), nn.ReLU()), (3,), "one layer after the other"),
        (Encoder("convolutional", (1, 8, 8), [], 2, 3), (1, 8, 8), "one layer after the other"),
        (Doubled(3, 3), (3,), "Doubled"),
        (nn.Softmax(1), (3,), "Softmax"),
        (seeded(nn.Linear(2, 1), scale=math.nan), (2,), "not finite"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_what_has_no_bound_is_refused(network, shape, why):
    with pytest.raises(ValueError, match=why):
        lipschitz.upper_bound(network, shape)


@pytest.mark.parametrize(("distance", "weight"), [(0.0, 10.0), (1.0, 10.0), (3.0, 0.5), (8.0, 10.0)])
def test_the_best_critic_under_a_penalty_overshoots(distance, weight):
    pieces = 12  # a critic of free slopes on the way between two points, all of it penalised alike
    slopes = torch.linspace(0.5, 3, pieces).double().requires_grad_()
    optimiser = torch.optim.SGD([slopes], lr=0.4 * pieces / weight)
    for _ in range(30):
        optimiser.zero_grad()
        (weight * (slopes.abs() - 1).square().mean() - (slopes * distance / pieces).sum()).backward()
        optimiser.step()
    slope, estimate = lipschitz.penalised(distance, weight)
    assert torch.allclose(slopes.detach(), torch.full((pieces,), slope).double(), atol=CLOSE)
    assert estimate == pytest.approx((slopes.detach() * distance / pieces).sum().item(), abs=CLOSE)
    assert estimate - distance == pytest.approx(distance**2 / (2 * weight))


def test_an_overshoot_needs_a_distance_and_a_weight():
    for distance, weight in ((-1, 10), (1, 0), (1, -1), (math.nan, 1), (math.inf, 1), (1, math.nan)):
        with pytest.raises(ValueError, match="positive"):
            lipschitz.penalised(distance, weight)
