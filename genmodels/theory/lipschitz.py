"""How steep a function is: bounds from below by looking, from above by the layers' norms, and exactly on a grid.

A 1-Lipschitz function has gradients of length at most 1; the dual of W1 is a supremum over those. Networks are asked
as they answer in eval mode, each input by itself.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

Function = Callable[[Tensor], Tensor]  # (N, ...) to (N,) or (N, 1)

GELU_SLOPE = 1.1291  # the largest of either form, at sqrt(2), rounded up as SiLU's
CONSTANTS: dict[type[nn.Module], Callable[[nn.Module], float]] = {
    nn.Identity: lambda layer: 1.0,
    nn.Flatten: lambda layer: 1.0,
    nn.Unflatten: lambda layer: 1.0,
    nn.ReLU: lambda layer: 1.0,
    nn.LeakyReLU: lambda layer: max(1.0, abs(layer.negative_slope)),
    nn.ELU: lambda layer: max(1.0, abs(layer.alpha)),
    nn.GELU: lambda layer: GELU_SLOPE,
    nn.SiLU: lambda layer: 1.0999,
    nn.Tanh: lambda layer: 1.0,
    nn.Sigmoid: lambda layer: 0.25,
    nn.Softplus: lambda layer: 1.0,
}
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
# Linear but for a constant, on a picture of one size.
MAPS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
MEASURED = (nn.Linear, nn.MaxPool2d, nn.Dropout, *BATCH_NORMS, *MAPS)


def slopes(function: Function, x: Tensor) -> Tensor:
    """Length of the gradient (N,) at points x (N, ...). ValueError unless there is one number for each point.

    On a kink of a ReLU autograd's answer may be no slope that the function has near that point.
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        values = function(x)
        total = values.sum()
    if values.numel() != len(x):
        raise ValueError(f"The function must give one number for each of {len(x)} points, not {tuple(values.shape)}.")
    return torch.autograd.grad(total, x, materialize_grads=True)[0].flatten(1).norm(dim=1)


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


def upper_bound(network: nn.Module | Iterable[nn.Module], shape: tuple[int, ...]) -> float:
    """The product of the norms of all layers applied to an input of this shape (without the batch), one after another.

    Linear layers count with their largest singular value; convolutions with that of the linear map they are on their
    input, which the reshaped kernel's norm is not; activations with their steepest slope. It may be far above the
    steepest place, for no input need be stretched most by all. ValueError as in `factors`.
    """
    return math.prod(norm for _, norm in factors(network, shape))


def factors(network: nn.Module | Iterable[nn.Module], shape: tuple[int, ...]) -> list[tuple[str, float]]:
    """Name and norm of every layer in the order in which they are applied, found by running a copy once.

    ValueError for a network that is no chain of layers, for a layer without a bound (layer norm, batch norm while
    training) or one that is not known here, and for weights that are not finite.
    """
    network = network if isinstance(network, nn.Module) else nn.Sequential(*network)
    for layer in _leaves(network):
        _refuse_training(layer)
    # A copy: a forward pass of the live network could move its statistics and spectral norms.
    network = copy.deepcopy(network).cpu().double().eval().requires_grad_(False)
    if not all(weight.isfinite().all() for weight in network.parameters()):
        raise ValueError("The weights are not finite numbers: there is nothing to bound.")
    called, before, after = [], [], []

    def enter(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        called.append(layer)
        before.append(inputs[0].clone())  # at once: an activation may work in place

    def leave(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        after.append(output.clone())

    hooks = []
    for layer in dict.fromkeys(_leaves(network)):
        hooks += [layer.register_forward_pre_hook(enter), layer.register_forward_hook(leave)]
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    result = network(x)
    for hook in hooks:
        hook.remove()  # layers are called again for their norms
    # Reshaping keeps values and lengths; whatever else stands between two layers changes the values of a random input.
    for given, taken in zip([x, *after], [*before, result], strict=True):
        if not torch.equal(given.flatten(), taken.flatten()):
            raise ValueError("The network does more than apply one layer after the other: it has no such bound.")
    names = {layer: name for name, layer in network.named_modules()}
    inputs = zip(called, before, strict=True)
    return [(names[layer], norm_of(layer, tuple(given.shape[1:]))) for layer, given in inputs]


def norm_of(layer: nn.Module, shape: tuple[int, ...]) -> float:
    """Largest factor by which one layer stretches differences of inputs of this shape."""
    _refuse_training(layer)
    if type(layer) in CONSTANTS:
        return CONSTANTS[type(layer)](layer)
    # A subclass with a forward of its own, say with a mask, is another function of the same weights.
    kind = next((k for k in MEASURED if isinstance(layer, k) and type(layer).forward is k.forward), None)
    if kind is nn.Dropout:
        return 1.0
    if kind is nn.Linear:
        return torch.linalg.matrix_norm(layer.weight.detach().cpu().double(), 2).item()
    if kind in MAPS:
        return convolution_norm(layer, shape)
    if kind is nn.MaxPool2d:
        return _max_pool_norm(layer)
    if kind in BATCH_NORMS and layer.running_var is not None:
        gain = layer.weight.detach() if layer.affine else torch.ones_like(layer.running_var)
        return (gain / (layer.running_var + layer.eps).sqrt()).abs().max().item()
    if isinstance(layer, (*BATCH_NORMS, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d)):
        raise ValueError(
            f"{type(layer).__name__} divides by the spread of its input: only 1 / sqrt(eps) limits its slope, no bound."
        )
    raise ValueError(f"{type(layer).__name__} has no bound on its slope here.")


def convolution_norm(layer: nn.Module, shape: tuple[int, ...], tolerance: float = 1e-6) -> float:
    """Largest singular value of a convolution, or an average pooling, as a linear map of inputs (C, H, W), padding and
    stride included: at most `tolerance`, a relative error, too large.

    Power iteration on the map and its adjoint that keeps all its vectors (Lanczos): singular values of convolutions
    lie close, and the last vector alone is one per cent short after 20 rounds. What may be missing still, the
    residual, is added, so that a product of norms stays an upper bound.
    """
    layer = copy.deepcopy(layer).cpu().double().eval().requires_grad_(False)
    constant = layer(torch.zeros(1, *shape, dtype=torch.float64))
    entries = math.prod(shape)
    most = min(300, entries)
    basis = torch.empty(most + 1, entries, dtype=torch.float64)
    start = torch.randn(entries, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    basis[0] = start / start.norm()
    projected = torch.zeros(most + 1, most + 1, dtype=torch.float64)  # the map and its adjoint among the vectors
    for size in range(1, most + 1):
        x = basis[size - 1].view(1, *shape).clone().requires_grad_()
        with torch.enable_grad():
            y = layer(x) - constant
        image = torch.autograd.grad(y, x, y.detach())[0].flatten()  # the adjoint of the map, applied to y
        projected[size - 1, size - 1] = image @ basis[size - 1]
        for _ in range(2):  # once is not enough for vectors to stay orthogonal
            image = image - basis[:size].T @ (basis[:size] @ image)
        length = image.norm()
        values, vectors = torch.linalg.eigh(projected[:size, :size])
        residual = length * vectors[-1, -1].abs()
        if residual <= tolerance * values[-1]:
            break
        basis[size] = image / length
        projected[size - 1, size] = projected[size, size - 1] = length
    return (values[-1].clamp(min=0) + residual).sqrt().item()


def penalised(distance: float, weight: float) -> tuple[float, float]:
    """Slope and estimate of the best critic between two unit masses under the penalty weight (slope - 1)^2: it
    overshoots, 1 + r / (2 weight), and reads r + r^2 / (2 weight) in place of W1 = r (Gulrajani et al. 2017,
    equation 3). ValueError for a negative distance or a weight that is not positive."""
    if not (0 <= distance < math.inf and weight > 0):
        raise ValueError(f"The distance must be from 0 and the weight positive, not {distance} and {weight}.")
    slope = 1 + distance / (2 * weight)
    return slope, slope * distance


def _leaves(network: nn.Module) -> Iterator[nn.Module]:
    """The layers: what is known and what has no parts, not what computes a layer's weights."""
    children = list(network.children())
    if isinstance(network, MEASURED) or not children:
        yield network
    for child in [] if isinstance(network, MEASURED) else children:
        yield from _leaves(child)


def _refuse_training(layer: nn.Module) -> None:
    if layer.training and isinstance(layer, (*BATCH_NORMS, nn.Dropout)):
        name = type(layer).__name__
        raise ValueError(f"{name} in training mode depends on more than its input: call eval() on the network first.")


def _max_pool_norm(layer: nn.MaxPool2d) -> float:
    """sqrt of the number of windows that one pixel can be the maximum of."""
    size, stride, dilation = (
        value if isinstance(value, tuple) else (value, value)
        for value in (layer.kernel_size, layer.stride, layer.dilation)
    )
    if dilation != (1, 1):
        raise ValueError("MaxPool2d with dilation has no bound on its slope here.")
    return math.sqrt(math.prod(math.ceil(k / s) for k, s in zip(size, stride, strict=True)))
