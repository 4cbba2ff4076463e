"""How likely images are under a model: bounds, exact values and Bayes' rule, in nats per image; bits per dimension.

Images are floats in the model's range as `inside` makes them. All noise comes from the generator given, which lives
on the model's device; memory stays the same however many samples or images there are.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from genmodels.models.base import Model
from genmodels.theory.bayes import log_posterior

TOGETHER = 512  # images in one pass
FEWER = 32  # where each image has many codes

Report = Callable[[int, int], None]  # images done, images in all


def inside(model: Model, images: Tensor, generator: torch.Generator) -> Tensor:
    """Bytes (N, C, H, W) as what the model's likelihood is about, on the generator's device.

    Under a Bernoulli likelihood a black and white draw. Under a Gaussian one each byte is spread evenly over its
    width: a density has no bound at isolated points, and so averaged it bounds the probability of the bytes (Theis
    2016, section 3.1).
    """
    x = model.from_uint8(images.to(generator.device))
    if getattr(model, "law", None) == "gaussian":
        x += (torch.rand(x.shape, generator=generator, device=x.device) - 0.5) * (1 - model.low) / 255
    return model.observe(x, generator)


@torch.no_grad()
def bound(
    model: Model,
    images: Tensor,
    labels: Tensor,
    samples: int,
    generator: torch.Generator,
    report: Report | None = None,
) -> Tensor:
    """The importance-weighted bound on log p(x) (Burda 2016, equation 8), (N,); one sample gives the ELBO in mean."""
    size = max(FEWER, TOGETHER // samples)
    found: list[Tensor] = []
    for part, known in zip(images.split(size), labels.split(size), strict=True):
        found.append(model.bound(part, known.to(part.device), samples, generator))
        if report:
            report(sum(map(len, found)), len(images))
    return torch.cat(found)


@torch.no_grad()
def exact(model: Model, images: Tensor) -> Tensor:
    """log p(x), (N,), of a model with `log_prob`."""
    return torch.cat([model.log_prob(part) for part in images.split(TOGETHER)])


def bits_per_dimension(model: Model, nats: float) -> float:
    """Bits per pixel and channel of 8-bit images of `nats` = -log p(x) each; a density's pixels are 1/255 wide."""
    width = math.log2(255 / (1 - model.low)) if model.law == "gaussian" else 0.0
    return nats / (math.prod(model.shape) * math.log(2)) + width


@torch.no_grad()
def bayes_logits(model: Model, images: Tensor, samples: int, generator: torch.Generator) -> Tensor:
    """The importance-weighted bound on log p(x|y) for every label y, (N, classes); all labels see the same noise."""
    found = []
    for x in images.split(FEWER):
        every = [torch.full((len(x),), label, device=x.device) for label in range(model.classes)]
        posteriors = [model.posterior(x, label) for label in every]
        total = torch.full((len(x), model.classes), -math.inf, device=x.device)
        for eps in model.noise(len(x), samples, generator):
            pairs = zip(every, posteriors, strict=True)
            sums = [model.log_weights(x, label, posterior, eps).logsumexp(0) for label, posterior in pairs]
            total = torch.logaddexp(total, torch.stack(sums, 1))
        found.append(total - math.log(samples))
    return torch.cat(found)


def bayes_accuracies(
    model: Model, images: Tensor, labels: Tensor, samples: Sequence[int], generator: torch.Generator
) -> dict[int, float]:
    """Share of images (N, C, H, W) whose most probable class is theirs, for each rising number of samples; all classes
    are taken to be as frequent."""
    total, done, found = torch.tensor(-math.inf), 0, {}
    for count in samples:
        total = torch.logaddexp(total, bayes_logits(model, images, count - done, generator) + math.log(count - done))
        done = count
        found[count] = (log_posterior(total).argmax(1).cpu() == labels.cpu()).double().mean().item()
    return found


def affordable(model: Model, images: Tensor, labels: Tensor, work: float) -> int:
    """The number of samples, of 5000, 500, 50 and 5, with which a bound on these images keeps to so many operations."""
    with torch.no_grad():
        z = model.encode(images[:1], labels[:1])
        with FlopCounterMode(display=False) as counter:
            model.decode(z, labels[:1])
    each = counter.get_total_flops() * len(images)
    return next((samples for samples in (5000, 500, 50) if samples * each <= work), 5)
