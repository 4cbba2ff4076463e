"""A small critic learns the distance between two samples on a line: W1 from its dual, as a Wasserstein GAN asks it.

A critic with slope at most K reads at most K W1, so its estimate divided by its steepest slope is a lower bound of W1,
whatever holds it: clipped weights (Arjovsky 2017), a gradient penalty (Gulrajani 2017), spectral norms (Miyato 2018),
or nothing, where the estimate grows with every step.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from genmodels import critic_step
from genmodels.playground.model import SLOPE, Network
from genmodels.theory import duality, lipschitz
from genmodels.theory.divergence import draw
from genmodels.theory.transport import wasserstein_1d

NONE, CLIP, PENALTY, SPECTRAL = CONSTRAINTS = ("none", "weight clipping", "gradient penalty", "spectral norm")
FAMILIES = ("points", "gaussians", "uniforms", "mixtures")  # on the line
STRIDE = 50  # steps between states that are kept, so that a few more or less cost little
NODES = 2001  # where the slope is looked at, besides the samples


@dataclass(frozen=True)
class Task:
    """Two samples of one family, q moved by t, and a critic of leaky ReLUs with its constraint. `limit` is what the
    weights are clipped to, or the weight of the penalty; without meaning for the other constraints."""

    family: str = "gaussians"
    t: float = 3.0
    samples: int = 200
    seed: int = 0
    constraint: str = PENALTY
    limit: float = 10.0
    layers: int = 2  # 0 is a straight line
    units: int = 16
    rate: float = 0.01


@dataclass(frozen=True)
class Reading:
    """What a critic says about its samples. Slopes are lengths |f'|."""

    primal: float  # W1 between the samples, exact, from the coupling of their quantiles
    estimate: float  # E_p f - E_q f over the samples
    steepest: float  # among many nodes, samples and the secants between them: exact but for what lies in one cell
    lower: float  # the steepest place among samples and points between them
    upper: float  # the product of the layers' operator norms

    @property
    def bound(self) -> float:
        """The estimate of the critic scaled to slope 1: at most `primal`."""
        return self.estimate / self.steepest if self.steepest else 0.0


@lru_cache(maxsize=64)
def sampled(family: str, t: float, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Samples (N,) of p at 0 and of q at t, in float64."""
    generator = Generator().manual_seed(seed)
    return draw(family, samples, 0.0, 1.0, generator), draw(family, samples, t, 1.0, generator)


def learned(task: Task, steps: int) -> tuple[nn.Sequential, list[float]]:
    """The critic after so many full-batch steps of Adam, in float64 with its spectral norms divided out, and its
    estimate E_p f - E_q f before each step."""
    state = _train(task, _after(task, steps // STRIDE), steps % STRIDE)
    return _chain(critic_step.views(state.flat, _sizes(task)), task.constraint == SPECTRAL), state.estimates


def read(task: Task, critic: nn.Module) -> Reading:
    """The critic measured on the task's samples; it maps (N, 1) in float64 to (N, 1)."""
    x, y = sampled(task.family, task.t, task.samples, task.seed)
    between = lipschitz.between(x[:, None], y[:, None], Generator().manual_seed(task.seed))
    low, high = min(x.min(), y.min()).item(), max(x.max(), y.max()).item()
    nodes = torch.cat([torch.linspace(low, high, NODES, dtype=torch.float64), x, y, between[:, 0]]).sort().values
    with torch.no_grad():
        values = critic(nodes[:, None])[:, 0]
    width = nodes.diff()
    # A secant is no steeper than the function somewhere below it; with samples as nodes the bound on W1 is exact.
    secants = (values.diff().abs() / width)[width > 1e-9]
    steepest = torch.cat([secants, lipschitz.slopes(critic, nodes[:, None])]).max().item()
    with torch.no_grad():
        estimate = duality.gap(critic, x[:, None], y[:, None]).item()
    return Reading(
        wasserstein_1d(x, y).item(),
        estimate,
        steepest,
        lipschitz.lower_bound(critic, x[:, None], y[:, None], between).item(),
        lipschitz.upper_bound(critic, (1,)),
    )


def clipped_at_most(clip: float, layers: int, units: int) -> float:
    """The largest product of operator norms that weights from -clip to clip allow: a matrix of them is at most
    clip sqrt(rows columns)."""
    return clip ** (layers + 1) * units**layers


class _State(NamedTuple):
    """All weights and biases in one vector, Adam's two moments of it, the directions of spectral norms, and the
    estimates so far: never changed once it is there."""

    flat: Tensor
    first: Tensor
    second: Tensor
    directions: list[Tensor]
    estimates: list[float]


@lru_cache(maxsize=256)
def _after(task: Task, strides: int) -> _State:
    if strides:
        return _train(task, _after(task, strides - 1), STRIDE)
    start = Network(_sizes(task), Generator().manual_seed(task.seed))
    parts = [part for layer in zip(start.weights, start.biases, strict=True) for part in layer]
    flat = nn.utils.parameters_to_vector(parts).detach()
    nothing = torch.zeros_like(flat)
    return _State(flat, nothing, nothing, list(start.buffers()), [])


def _sizes(task: Task) -> list[int]:
    return [1, *[task.units] * task.layers, 1]


def _train(task: Task, state: _State, steps: int) -> _State:
    """The state after so many steps more, fewer than a stride or one."""
    torch.set_num_threads(1)  # networks this small only lose by helpers
    before = len(state.estimates)
    generator = Generator().manual_seed(task.seed + 10_000 * (before // STRIDE + 1))  # each stride draws by itself
    x, y = (sample.float()[:, None] for sample in sampled(task.family, task.t, task.samples, task.seed))
    flat, first, second = (part.clone() for part in state[:3])
    layers, directions, estimates = critic_step.views(flat, _sizes(task)), state.directions, [*state.estimates]
    by = torch.empty_like(flat)
    out, between = critic_step.views(by, _sizes(task)), x[:0]
    for number in range(before + 1, before + steps + 1):
        if task.constraint == PENALTY:  # in a new pairing each time, as fresh batches are
            between = lipschitz.between(x, y[torch.randperm(len(y), generator=generator)], generator)
        if task.constraint == SPECTRAL:
            normalised = critic_step.spectral(layers, directions)
            estimate, directions = critic_step.slope(normalised.layers, x, y, between, 0.0, out), normalised.left
            critic_step.through(normalised, out)
        else:
            estimate = critic_step.slope(layers, x, y, between, task.limit, out)
        critic_step.adam(flat, by, first, second, number, task.rate)
        if task.constraint == CLIP:
            flat.clamp_(-task.limit, task.limit)
        estimates.append(estimate.item())
    return _State(flat, first, second, directions, estimates)


def _chain(layers: critic_step.Layers, spectral: bool) -> nn.Sequential:
    """Layers in float64 whose norms can be bounded; spectral norms exact, not by power iteration."""
    chain: list[nn.Module] = []
    for weight, bias in layers:
        layer = nn.utils.skip_init(nn.Linear, *reversed(weight.shape), dtype=torch.float64)
        values = weight.double()
        layer.weight.data = values / torch.linalg.matrix_norm(values, 2) if spectral else values
        layer.bias.data = bias.double()
        chain += [nn.LeakyReLU(SLOPE), layer] if chain else [layer]
    return nn.Sequential(*chain).requires_grad_(False)
