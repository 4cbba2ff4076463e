"""Samples drawn as asked: by seed and class, hotter or colder, truncated; what was measured of them; how they come
about."""

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from genmodels.errors import UserError
from genmodels.metrics import NEIGHBOURS
from genmodels.models import can
from genmodels.models.base import Model
from genmodels.models.biggan import STANDING, STANDING_BATCH
from genmodels.models.flow import Flow
from genmodels.models.gmmn import GMMN
from genmodels.models.made import MADE
from genmodels.models.sagan import SAGAN
from genmodels.pictures import to_uint8

WAY = ("flow", "made")  # models that make a picture step by step
WHOLE = 4.0  # a threshold of truncation that leaves z as it is


@dataclass(frozen=True)
class Drawn:
    """Samples as bytes (N, C, H, W), what they were made from, and in words what was done to z."""

    images: Tensor
    labels: Tensor  # (N,)
    z: Tensor  # (N, ...)
    said: str


def normal(model: Model) -> bool:
    """Whether a model's latents are standard normal, so that a temperature can scale them; else they are uniform."""
    return not isinstance(model, MADE | GMMN)


def labels_of(model: Model, label: str, count: int) -> Tensor:
    """All classes in turn, (count,), or one again and again; UserError for a class there is not."""
    if label == "all":
        return torch.arange(count) % model.classes
    if int(label) >= model.classes:
        raise UserError(f"This model has classes 0 to {model.classes - 1}.")
    return torch.full((count,), int(label))


def noise(model: Model, count: int, seed: int) -> Tensor:
    """Latents (count, ...) of a seed."""
    return model.latents(count, torch.Generator().manual_seed(seed))


def draw(model: Model, seed: int, labels: Tensor, temperature: float = 1.0, threshold: float = WHOLE) -> Drawn:
    """A sample for each label (N,). Normal latents are multiplied by the temperature; below `WHOLE` a threshold
    truncates them where the model knows how (Brock 2019, section 3.1). Uniform latents stay as they are."""
    z, said = noise(model, len(labels), seed), ""
    if temperature != 1 and normal(model):
        z, said = temperature * z, f"z multiplied by {temperature:g}"
    elif temperature != 1:
        said = f"no temperature, for {model.name} takes uniform z"
    if threshold < WHOLE and can(model, "truncate"):
        z = model.truncate(z, threshold, torch.Generator().manual_seed(seed))
        model = settled(model, threshold)
        again = f"batch statistics estimated anew from {STANDING * STANDING_BATCH:,} samples"
        said = f"{said + ', ' if said else ''}entries of z beyond {threshold:g} drawn again, {again}"
    elif threshold < WHOLE:
        said = f"{said + ', ' if said else ''}no truncation, which {model.name} does not know"
    return Drawn(sampled(model, z, labels), labels, z, said)


@torch.no_grad()
def sampled(model: Model, z: Tensor, labels: Tensor) -> Tensor:
    """Bytes (N, C, H, W)."""
    return to_uint8(model.to_unit(model.sample(z, labels)))


@lru_cache(maxsize=4)
def settled(model: Model, threshold: float) -> Model:
    """A copy with the batch statistics of so truncated latents."""
    copy = deepcopy(model)
    copy.settle(threshold, torch.Generator().manual_seed(0))
    return copy


def in_every_class(model: Model, z: Tensor) -> Tensor:
    """Each latent (N, ...) in every class, as bytes (N, classes, C, H, W)."""
    labels = torch.arange(model.classes).repeat(len(z))
    return sampled(model, z.repeat_interleave(model.classes, 0), labels).unflatten(0, (len(z), model.classes))


@torch.no_grad()
def style(model: Model, images: Tensor, labels: Tensor) -> Tensor:
    """The latents (N, ...) of bytes (N, C, H, W) with their labels (N,): what the label does not say."""
    return model.encode(model.from_uint8(images), labels)


def tensors(drawn: Drawn, conditional: bool, words: str) -> bytes:
    """Images, z and, where the model is told them, labels as a safetensors file that says in words what they are."""
    beside = {"labels": drawn.labels} if conditional else {}
    return to_bytes({"images": drawn.images.contiguous(), "z": drawn.z.contiguous()} | beside, {"about": words})


class Measure(NamedTuple):
    """A figure of a shipped file, the value that real images would have, and the n."""

    name: str
    value: float
    real: str
    count: int


def measures(figures: dict[str, Any]) -> list[Measure]:
    """The figures of samples that were measured, in the order of the table."""
    # Of two samples of one law: all five nearest of a point are of its own sample one time in 2^5 (Naeem 2020).
    real = {"coverage": f"{1 - 0.5**NEIGHBOURS:.2f}", "nearest_ratio": "1"}
    real |= {key.removesuffix("_real"): f"{value:.2f}" for key, value in figures.items() if key.endswith("_real")}
    if figures.get("feature_distance_floor"):
        real["feature_distance"] = f"{figures['feature_distance_floor']:.3f}"
    known = {
        "feature_distance": ("feature distance", "count"),
        "precision": ("precision", "count"),
        "recall": ("recall", "count"),
        "coverage": ("coverage", "count"),
        "label_agreement": ("labels obeyed", "samples"),
        "nearest_ratio": ("nearest ratio", "nearest_n"),
        "iwae_nats": ("\N{MINUS SIGN}bound, nats per image", "iwae_n"),
        "nll_nats": ("\N{MINUS SIGN}log p, nats per image", "nll_n"),
    }
    found = {key: words for key, words in known.items() if figures.get(key) is not None}
    return [Measure(name, figures[key], real.get(key, ""), figures[n]) for key, (name, n) in found.items()]


class Becoming(NamedTuple):
    """Pictures on their way, bytes (N, C, H, W); what the model makes of them meanwhile, the same; and where on the
    way they are, in words."""

    pictures: Tensor
    beneath: Tensor
    moment: str


@lru_cache(maxsize=4)
@torch.no_grad()
def way(flow: Flow, seed: int, count: int, label: str) -> tuple[Tensor, Tensor]:
    """All steps of a flow as bytes (steps + 1, N, C, H, W), and where the arrow of each step points: x + (1 - t) v."""
    path = flow.path(noise(flow, count, seed), labels_of(flow, label, count))
    arrows = path.diff(dim=0) * flow.steps
    left = 1 - torch.arange(flow.steps).view(-1, 1, 1, 1, 1) / flow.steps
    aims = torch.cat([path[:-1] + left * arrows, path[-1:]])
    return to_uint8(flow.to_unit(path)), to_uint8(aims.clamp(-1, 1).add(1).div(2))


@lru_cache(maxsize=4)
@torch.no_grad()
def chained(made: MADE, seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Samples (N, C, H, W) of pixels 0 and 1, and the probability with which each pixel was to be 1."""
    images = made.sample(noise(made, count, seed))
    return images, made.logits(images).sigmoid()


def becoming(model: Model, seed: int, count: int, label: str, share: float) -> Becoming:
    """So large a share of the way to samples; UserError for a model that makes them in one go."""
    if isinstance(model, Flow):
        pictures, aims = way(model, seed, count, label)
        step = round(share * (len(pictures) - 1))
        return Becoming(pictures[step], aims[step], f"t = {step / (len(pictures) - 1):.2f}, step {step}")
    if isinstance(model, MADE):
        images, chances = chained(model, seed, count)
        pixels = model.place.numel()
        drawn = round(share * pixels)
        known = (model.place < drawn).view(model.shape)
        pictures = [to_uint8(torch.where(known, part, part.new_tensor(0.5))) for part in (images, chances)]
        return Becoming(*pictures, f"{drawn} of {pixels} pixels")
    raise UserError(f"{model.name} makes a picture in one go: choose {' or '.join(WAY)}, which take their time.")


class Gathered(NamedTuple):
    """Samples (N, C, H, W) as bytes, the weights (N, H / 2, W / 2) with which a position of each gathers from all
    others, sum 1, and gamma, how much of what is gathered enters."""

    images: Tensor
    weights: Tensor
    gamma: float


@torch.no_grad()
def gathered(model: SAGAN, seed: int, labels: Tensor, row: int, column: int) -> Gathered:
    """The attention of a pixel of samples with these labels (N,); outside the picture the last pixel is taken."""
    z, last = noise(model, len(labels), seed), model.shape[1] - 1
    weights = model.attention(z, labels, min(row, last), min(column, last))
    return Gathered(sampled(model, z, labels), weights, model.generator.attention.gamma.item())
