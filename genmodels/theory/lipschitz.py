"""How steep a function is: bounds from below by looking, from above by the layers' norms, and exactly on a grid.

A 1-Lipschitz function has gradients of length at most 1; the dual of W1 is a supremum over those.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Function = Callable[[Tensor], Tensor]  # (N, ...) to (N,) or (N, 1)

GELU_SLOPE = 1.1289  # its largest, at sqrt(2)
CONSTANTS: dict[type[nn.Module], Callable[[nn.Module], float]] = {
    nn.Identity: lambda layer: 1.0,
    nn.Flatten: lambda layer: 1.0,
    nn.Unflatten: lambda layer: 1.0,
    nn.ReLU: lambda layer: 1.0,
    nn.LeakyReLU: lambda layer: max(1.0, abs(layer.negative_slope)),
    nn.ELU: lambda layer: max(1.0, layer.alpha),
    nn.GELU: lambda layer: GELU_SLOPE,
    nn.Tanh: lambda layer: 1.0,
    nn.Sigmoid: lambda layer: 0.25,
    nn.Softplus: lambda layer: 1.0,
}


def slopes(function: Function, x: Tensor) -> Tensor:
    """Length of the gradient (N,) at points x (N, ...)."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0].flatten(1).norm(dim=1)


def lower_bound(function: Function, *points: Tensor) -> Tensor:
    """The steepest place among points (N, ...): data, fakes, what lies between them. No function is flatter."""
    return torch.cat([slopes(function, some) for some in points]).max()


def between(x: Tensor, y: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One point (N, ...) on each line from x to y, uniform along it, where a gradient penalty looks."""
    u = torch.rand(len(x), *[1] * (x.dim() - 1), generator=generator, dtype=x.dtype, device=x.device)
    return u * x + (1 - u) * y


def on_grid(function: Function, low: float, high: float, dimensions: int, steps: int = 201) -> Tensor:
    """The steepest slope of a function of one or two variables on a grid of the square [low, high]^dimensions: exact
    for piecewise linear networks whose every piece holds a node. ValueError for more dimensions."""
    if dimensions not in (1, 2):
        raise ValueError(f"A grid in {dimensions} dimensions has too many nodes: 1 or 2.")
    axis = torch.linspace(low, high, steps)
    grid = axis[:, None] if dimensions == 1 else torch.cartesian_prod(axis, axis)
    return slopes(function, grid).max()


def upper_bound(network: nn.Module, shape: tuple[int, ...]) -> float:
    """The product of the norms of all layers applied to an input of this shape (without the batch), one after another.

    Linear layers count with their largest singular value; convolutions with that of the linear map they are on their
    input, which the reshaped kernel's norm is not; activations with their steepest slope. ValueError for a layer
    without a bound (layer norm, batch norm while training) or one that is not known here.
    """
    applied: list[tuple[nn.Module, tuple[int, ...]]] = []
    hooks = [
        layer.register_forward_pre_hook(lambda module, inputs: applied.append((module, tuple(inputs[0].shape[1:]))))
        for layer in network.modules()
        if not list(layer.children())
    ]
    parameter = next(network.parameters(), torch.zeros(()))
    try:
        with torch.no_grad():
            network(torch.zeros(1, *shape, dtype=parameter.dtype, device=parameter.device))
    finally:
        for hook in hooks:
            hook.remove()
    return math.prod(norm_of(layer, at) for layer, at in applied)


def norm_of(layer: nn.Module, shape: tuple[int, ...]) -> float:
    """Largest factor by which one layer stretches differences of inputs of this shape."""
    if type(layer) in CONSTANTS:
        return CONSTANTS[type(layer)](layer)
    if isinstance(layer, nn.Linear):
        return torch.linalg.matrix_norm(layer.weight.detach().double(), 2).item()
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return convolution_norm(layer, shape)
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and not layer.training:
        gain = layer.weight.detach() if layer.affine else torch.ones_like(layer.running_var)
        return (gain / (layer.running_var + layer.eps).sqrt()).abs().max().item()
    raise ValueError(f"{type(layer).__name__} has no bound on its slope here.")


def convolution_norm(layer: nn.Conv2d | nn.ConvTranspose2d, shape: tuple[int, ...], steps: int = 2000) -> float:
    """Largest singular value of a convolution as a linear map of inputs (C, H, W), padding and stride included, by
    power iteration on the map and its adjoint."""
    weight = layer.weight.detach().double()
    options = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation, "groups": layer.groups}
    if isinstance(layer, nn.ConvTranspose2d):
        options["output_padding"] = layer.output_padding
        apply = nn.functional.conv_transpose2d
    else:
        apply = nn.functional.conv2d
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64, device=weight.device)
    norm = 0.0
    for _ in range(steps):
        x = (x / x.norm()).requires_grad_()
        y = apply(x, weight, **options)
        x = torch.autograd.grad(y, x, y.detach())[0]  # the adjoint of the map, applied to y
        before, norm = norm, x.norm().sqrt().item()
        if norm - before < 1e-8 * norm:  # it only grows
            break
    return norm


def penalised(distance: float, weight: float) -> tuple[float, float]:
    """Slope and estimate of the best critic between two unit masses under the penalty weight (slope - 1)^2: it
    overshoots, 1 + r / (2 weight), and reads r + r^2 / (2 weight) in place of W1 = r."""
    slope = 1 + distance / (2 * weight)
    return slope, slope * distance
