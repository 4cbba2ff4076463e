"""What a trained classifier knows, in the terms of information theory."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from genmodels.data import load
from genmodels.judge import load_judge, unit
from genmodels.metrics import some
from genmodels.theory.information import mutual_information


@dataclass(frozen=True)
class Confusion:
    """The judge of a data set read as a channel from labels to answers, on `count` test images."""

    joint: Tensor  # p(label, answer), (classes, classes)
    cross_entropy: float  # mean of -log q(label | image), nats
    floor: float  # mutual information, nats, of the labels and shuffled answers: what chance alone gives
    count: int
    classes: tuple[str, ...]


@lru_cache(maxsize=16)
def confusion(dataset: str, noise: float, count: int) -> Confusion:
    """The judge on test images in [0, 1] under Gaussian noise of this standard deviation; the same every time.

    UserError where the data set has no judge.
    """
    data, judge = load(dataset), load_judge(dataset)
    images, labels = unit(some(data.test_images, count)), some(data.test_labels, count)
    generator = torch.Generator().manual_seed(0)
    if noise > 0:
        images = (images + noise * torch.randn(images.shape, generator=generator)).clamp(0, 1)
    logits = judge.logits(images)
    answers = logits.argmax(1)
    shuffled = answers[torch.randperm(len(answers), generator=generator)]
    size = len(data.classes)
    return Confusion(
        joint=_joint(labels, answers, size),
        cross_entropy=functional.cross_entropy(logits.double(), labels).item(),
        floor=mutual_information(_joint(labels, shuffled, size)).item(),
        count=len(labels),
        classes=data.classes,
    )


def _joint(labels: Tensor, answers: Tensor, size: int) -> Tensor:
    counts = torch.bincount(labels * size + answers, minlength=size * size)
    return counts.view(size, size).double() / len(labels)
