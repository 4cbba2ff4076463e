"""Samples under scrutiny: what the opponent thinks of each and why, and which training images lie nearest."""

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from genmodels import drawn
from genmodels.data import Dataset
from genmodels.judge import load_judge, unit
from genmodels.memorisation import Nearest, nearest
from genmodels.metrics import some
from genmodels.models.adversarial import Adversarial
from genmodels.models.gan import GAN
from genmodels.models.r3gan import R3GAN
from genmodels.pictures import to_uint8

REAL = 200  # held-out images beside which an opinion is read
HELD_OUT = 200  # held-out images whose nearest training images are the yardstick
FEW = 2000  # training images that the judge looks at: all would take it many seconds
PIXELS, FEATURES = SPACES = ("pixels", "the judge's features")
INK, PAPER = (200, 83, 0), (0, 114, 178)  # brighter would please the opponent, darker would


@dataclass(frozen=True)
class Opinion:
    """What the opponent D thinks of samples, and of held-out images for comparison."""

    scores: Tensor  # (N,)
    real: Tensor  # (M,) scores of held-out images
    slopes: Tensor  # (N, C, H, W): change of the score per change of a pixel from black to white
    probabilities: Tensor | None  # (N,), where the loss makes a score one
    meaning: str  # of a probability, or why there is none


def opinion(model: Adversarial, samples: Tensor, labels: Tensor, data: Dataset) -> Opinion:
    """D's opinion of bytes (N, C, H, W) with labels (N,), by statistics of batches in which it learned: see `among`."""
    images = model.from_uint8(samples).requires_grad_()
    with torch.enable_grad():
        scores = among(model, None).critic(images, labels)
        (slopes,) = torch.autograd.grad(scores.sum(), images)
    with torch.no_grad():
        held_out = model.from_uint8(some(data.test_images, REAL))
        real = among(model, data).critic(held_out, some(data.test_labels, REAL))
    scores, probabilities = scores.detach(), None
    if isinstance(model, GAN):  # Goodfellow 2014: the logit of "this one is real"
        probabilities, meaning = scores.sigmoid(), "p = sigma(score), D's probability that it is real"
    elif isinstance(model, R3GAN):
        probabilities = (scores[:, None] - real).sigmoid().mean(1)
        meaning = "p, the mean probability that it is the more real one beside a test image: D only compares"
    else:
        meaning = "no probability: this score has no zero and no unit but its own"
    return Opinion(scores, real, slopes * (1 - model.low), probabilities, meaning)


@torch.no_grad()
def followed(
    model: Adversarial, samples: Tensor, labels: Tensor, slopes: Tensor, length: float
) -> tuple[Tensor, Tensor]:
    """Bytes (N, C, H, W) after a step of this Euclidean length along their slopes, pixels in [0, 1] and held there, and
    their scores (N,)."""
    along = slopes / slopes.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
    moved = (unit(samples) + length * along).clamp(0, 1)
    return to_uint8(moved), among(model, None).critic(model.low + (1 - model.low) * moved, labels)


def normed(model: Adversarial) -> list[nn.modules.batchnorm._BatchNorm]:
    """D's batch norms."""
    return [layer for layer in model.discriminator.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


@lru_cache(maxsize=6)
@torch.no_grad()
def among(model: Adversarial, real: Dataset | None) -> Adversarial:
    """The model with D's batch norms at the statistics of a batch of its own samples, or of held-out images of the data
    set `real`. D has learned from separate batches of both; the running statistics are those of neither."""
    if not normed(model):
        return model
    labels = torch.arange(REAL) % model.classes
    images = model.sample(drawn.noise(model, REAL, 0), labels)
    if real:
        images, labels = model.from_uint8(some(real.test_images, REAL)), some(real.test_labels, REAL)
    copy = deepcopy(model)
    for norm in normed(copy):
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches, which are one
        norm.train()
    copy.critic(images, labels)
    return copy.eval()


def heat(slopes: Tensor) -> tuple[Tensor, float]:
    """Slopes (N, C, H, W), summed over colours, as bytes (N, 4, H, W): orange above 0 and blue below, the stronger the
    less transparent; and the slope that takes full colour, all but one pixel in 50 lie below."""
    values = slopes.sum(1)
    full = max(torch.quantile(values.abs().flatten(), 0.98).item(), 1e-12)
    colours = torch.tensor([PAPER, INK])[(values > 0).long()]  # (N, H, W, 3)
    opacity = (values.abs() / full).clamp(max=1) * 255
    return torch.cat([colours, opacity[..., None]], 3).permute(0, 3, 1, 2).to(torch.uint8), full


@dataclass(frozen=True)
class Neighbours:
    """The nearest training images of samples, by rank (N, k), how far they are, and what is to be made of it."""

    indices: Tensor
    distances: Tensor
    expected: float  # median distance of held-out images to their nearest training image
    verdict: str
    of: int  # training images that were looked through


def neighbours(samples: Tensor, data: Dataset, count: int, space: str) -> Neighbours:
    """The `count` nearest training images of bytes (N, C, H, W): by pixels among all, by features among a few."""
    distances, indices = nearest(points(samples, data, space), references(data, space), count)
    held_out = yardstick(data, space)
    expected = held_out.median().item()
    if space == FEATURES:  # a copy may be missed among a few
        ratio = distances[:, 0].median().item() / expected
        verdict = f"Samples lie {ratio:.2f} times as far as unseen test images do; only pixels tell whether it copies."
        return Neighbours(chosen(data)[indices], distances, expected, verdict, len(chosen(data)))
    unseen = nearest(samples, data.test_images)[0][:, 0]
    near = Nearest(distances[:, 0], indices[:, 0], held_out, unseen)
    return Neighbours(indices, distances, expected, near.verdict, len(data.images))


def points(images: Tensor, data: Dataset, space: str) -> Tensor:
    """What distances are taken between: bytes as they are, or features (N, 64)."""
    return images if space == PIXELS else load_judge(data.name).features(images)


def chosen(data: Dataset) -> Tensor:
    """Indices of the training images that the judge looks at."""
    return some(torch.arange(len(data.images)), FEW)


@lru_cache(maxsize=3)
def references(data: Dataset, space: str) -> Tensor:
    return data.images if space == PIXELS else points(data.images[chosen(data)], data, space)


@lru_cache(maxsize=6)
def yardstick(data: Dataset, space: str) -> Tensor:
    """Distances (HELD_OUT,) of held-out images to their nearest training images."""
    held_out = points(some(data.test_images, HELD_OUT), data, space)
    return nearest(held_out, references(data, space))[0][:, 0]
