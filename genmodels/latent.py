"""Where the codes of an autoencoder lie, planes through them, paths between them, and what each of their numbers tells.

Pictures are bytes (N, C, H, W) on the way in and on the way out. Codes are (N, d): of a VAE the means of q(z|x). What
is the same for every question about a model is computed once.
"""

import copy
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from genmodels.data import Dataset
from genmodels.digit import prepare
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.metrics import some
from genmodels.models import can
from genmodels.models.base import Model
from genmodels.pictures import to_uint8
from genmodels.theory.interpolation import lerp, slerp

SUBSET = 1000  # test pictures whose codes are looked at, the same every time
COLLAPSED = 0.01  # nats of KL under which a dimension says nothing
CURVE_PICTURES = 200  # whose errors make a curve
TOGETHER = 512  # pictures in one pass
FAR = 3.0  # deviations of the prior to which a dimension is traversed


@dataclass(frozen=True, eq=False)
class Plane:
    """Two directions through a code space. A place (a, b) in it is the code centre + a directions[0] +
    b directions[1]; the directions are one standard unit long: the prior's where there is a prior, else the codes'."""

    centre: Tensor  # (d,)
    directions: Tensor  # (2, d)
    places: Tensor  # (N, 2), the codes of the subset seen from above
    labels: Tensor  # (N,)
    shares: tuple[float, float]  # of the codes' variance along each direction

    def codes(self, places: Tensor) -> Tensor:
        """Codes (M, d) of places (M, 2)."""
        return self.centre + places @ self.directions

    def nearest(self, place: Tensor) -> int:
        """Which of the N lies nearest to a place (2,), seen from above."""
        return int((self.places - place).square().sum(1).argmin())


@torch.no_grad()
def encoded(model: Model, images: Tensor, labels: Tensor) -> Tensor:
    """Codes (N, d) of bytes (N, C, H, W) with labels (N,)."""
    pairs = zip(images.split(TOGETHER), labels.split(TOGETHER), strict=True)
    return torch.cat([model.encode(model.from_uint8(x), y) for x, y in pairs]).float()


@torch.no_grad()
def decoded(model: Model, z: Tensor, labels: Tensor) -> Tensor:
    """Bytes (N, C, H, W) of codes (N, d) with labels (N,)."""
    return to_uint8(model.to_unit(model.decode(z, labels)))


def subset(data: Dataset) -> tuple[Tensor, Tensor]:
    """The test pictures (N, C, H, W) whose codes are looked at, and their labels (N,)."""
    return some(data.test_images, SUBSET), some(data.test_labels, SUBSET)


@lru_cache(maxsize=8)
def codes(model: Model, data: Dataset) -> tuple[Tensor, Tensor]:
    """The codes (N, d) of the subset and their labels (N,); UserError where they are not finite."""
    images, labels = subset(data)
    z = encoded(model, images, labels)
    if not z.isfinite().all():
        raise UserError(
            f"The codes of this {model.name} are not finite: its training has failed, choose another model."
        )
    return z, labels


@lru_cache(maxsize=8)
def plane(model: Model, data: Dataset, first: int = 0, second: int = 1, principal: bool = True) -> Plane:
    """The plane of the first two principal components of the subset's codes, or of two dimensions counted from 0;
    UserError where there are none."""
    z, labels = codes(model, data)
    dimensions = z.shape[1]
    if dimensions < 2:
        raise UserError("The codes of this model are single numbers, which span no plane: choose another model.")
    centred = (z - z.mean(0)).double()
    covariance = centred.T @ centred / len(z)
    if principal and dimensions > 2:
        variances, vectors = torch.linalg.eigh(covariance)  # the largest last
        units = vectors[:, [-1, -2]].T
        # Of the two signs of a direction always the same one.
        units = units * units.gather(1, units.abs().argmax(1, keepdim=True)).sign()
        variance = variances[[-1, -2]]
    else:
        chosen = (0, 1) if principal else (dimension(first, dimensions), dimension(second, dimensions))
        if chosen[0] == chosen[1]:
            raise UserError("A plane needs two different dimensions: change one of them.")
        units, variance = torch.eye(dimensions, dtype=torch.float64)[list(chosen)], covariance.diag()[list(chosen)]
    shares = variance.clamp(min=0) / covariance.trace().clamp(min=1e-12)
    scale, centre = torch.ones(2, dtype=torch.float64), torch.zeros(dimensions, dtype=torch.float64)
    if not has_prior(model):
        scale, centre = variance.clamp(min=1e-12).sqrt(), z.double().mean(0)
    places = (z.double() - centre) @ units.T / scale
    return Plane(centre.float(), (scale[:, None] * units).float(), places.float(), labels, tuple(shares.tolist()))


def has_prior(model: Model) -> bool:
    """Whether codes are meant to follow N(0, I)."""
    return can(model, "latents")


def dimension(number: int, dimensions: int) -> int:
    """A dimension counted from 0, if there is one; the UserError counts from 1, as people do."""
    if not 0 <= number < dimensions:
        raise UserError(f"The codes of this model have {dimensions} numbers: choose dimensions 1 to {dimensions}.")
    return number


def quantiles(count: int) -> Tensor:
    """So many places (count,) on the line with equal steps of probability under N(0, 1), through the inverse of its
    distribution function."""
    return torch.special.ndtri((torch.arange(count, dtype=torch.float64) + 0.5) / count).float()


@lru_cache(maxsize=8)
def grid(model: Model, seen: Plane, count: int, label: int) -> Tensor:
    """Decoded bytes (count^2, C, H, W) of a plane, row by row from above, with equal steps of probability."""
    steps = quantiles(count)
    places = torch.stack([steps.repeat(count), steps.flip(0).repeat_interleave(count)], 1)
    return decoded(model, seen.codes(places), torch.full((count**2,), label))


def picture(data: Dataset, number: int) -> tuple[Tensor, Tensor]:
    """A test picture (1, C, H, W) and its label (1,); UserError where there is none of that number."""
    count = len(data.test_images)
    if not 0 <= number < count:
        raise UserError(f"{data.title} has test pictures 0 to {count - 1:,} here: choose one of them.")
    return data.test_images[number : number + 1], data.test_labels[number : number + 1]


def digit(data: Dataset, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """A drawing (H, W) as a picture (1, 1, 28, 28) of the data set, and the label (1,) that the judge reads in it;
    UserError where nothing is drawn, or digits are not what the data set holds."""
    if data.name != "mnist":
        raise UserError(f"{data.title} holds no digits: choose a model of MNIST, or a test picture.")
    picture = prepare(pixels)[None]
    return picture, load_judge(data.name).logits(picture).argmax(1)


def paths(model: Model, images: Tensor, labels: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Codes (steps, d) on the straight way between two pictures (2, C, H, W), and on the sphere, both exactly the
    encodings at their ends; and the label (steps,) to decode each with, that of the nearer end.

    ValueError where there is no single way on the sphere.
    """
    ends = encoded(model, images, labels)
    t = torch.linspace(0, 1, steps)[:, None]
    straight, sphere = lerp(*ends, t), slerp(*ends, t)
    sphere[0], sphere[-1] = ends  # which rounding may have moved
    return straight, sphere, torch.where(t[:, 0] < 0.5, *labels)


def angle(a: Tensor, b: Tensor) -> float:
    """The angle between two codes (d,), in degrees."""
    return math.degrees(math.acos(max(-1.0, min(1.0, torch.cosine_similarity(a, b, dim=0).item()))))


@dataclass(frozen=True, eq=False)
class Draw:
    """One draw z = mu + sigma eps from the posterior of a picture, each (d,), and KL(q(z_i|x) || p(z_i)) in nats."""

    mu: Tensor
    sigma: Tensor
    eps: Tensor
    z: Tensor
    kl: Tensor


@torch.no_grad()
def draw(model: Model, image: Tensor, label: Tensor, seed: int) -> Draw:
    """From the posterior of a picture (1, C, H, W) with its label (1,); the seed is the dice."""
    mu, log_variance = (part[0].float() for part in model.posterior(model.from_uint8(image), label))
    eps = torch.randn(len(mu), generator=torch.Generator().manual_seed(seed))
    sigma = torch.exp(0.5 * log_variance)
    return Draw(mu, sigma, eps, mu + sigma * eps, kl(mu, log_variance))


def kl(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) of each entry, in nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance)


@lru_cache(maxsize=8)
@torch.no_grad()
def mean_kl(model: Model, data: Dataset) -> Tensor:
    """The KL of each dimension, (d,), in nats, mean over the subset."""
    images, labels = subset(data)
    pairs = zip(images.split(TOGETHER), labels.split(TOGETHER), strict=True)
    return torch.cat([kl(*model.posterior(model.from_uint8(x), y)) for x, y in pairs]).mean(0)


def traverse(model: Model, z: Tensor, label: Tensor, number: int, steps: int) -> Tensor:
    """Decoded bytes (steps, C, H, W) of a code (d,) whose one number goes from -3 to 3, the others staying."""
    along = z.repeat(steps, 1)
    along[:, number] = torch.linspace(-FAR, FAR, steps)
    return decoded(model, along, label.repeat(steps))


@torch.no_grad()
def denoised(model: Model, images: Tensor, kind: str, level: float, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Bytes (N, C, H, W), corrupted and rebuilt: as bytes both, and the mean squared error per pixel, pixels in
    [0, 1], of each corrupted and each rebuilt picture, (N,). UserError for a level there is not."""
    other = copy.copy(model)  # the same weights under other settings
    for name, value in (("corruption", kind), ("sigma" if kind == "gaussian" else "masked", level)):
        other.change(name, value)
    clean = model.from_uint8(images)
    spoiled = other.corrupt(clean, torch.Generator().manual_seed(seed))
    rebuilt = model.reconstruct(spoiled)
    errors = [(part - clean).square().flatten(1).mean(1) / (1 - model.low) ** 2 for part in (spoiled, rebuilt)]
    return to_uint8(model.to_unit(spoiled)), to_uint8(model.to_unit(rebuilt)), *errors


@lru_cache(maxsize=8)
def denoising_curve(model: Model, data: Dataset, kind: str) -> tuple[list[float], list[float], list[float]]:
    """Levels of corruption, and the mean squared errors of corrupted and rebuilt test pictures at each."""
    images = some(data.test_images, CURVE_PICTURES)
    levels = torch.linspace(0, 1, 21).tolist()
    errors = [[part.mean().item() for part in denoised(model, images, kind, level, 0)[2:]] for level in levels]
    return levels, *map(list, zip(*errors, strict=True))
