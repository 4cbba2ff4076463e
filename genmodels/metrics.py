"""How good are generated images? Comparisons of the judge's features, always with n and a floor."""

import json
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from genmodels import checkpoint
from genmodels.data import Dataset, cache_folder, load
from genmodels.errors import UserError
from genmodels.judge import load_judge, unit
from genmodels.models.base import Model

CHUNK = 1000  # rows of a matrix of distances held at once
NEIGHBOURS = 5  # k of precision, recall, density and coverage
FEWEST = 100  # images below which no number here means anything
LESSONS = 600  # steps of a hundred images in which a classifier is taught: seconds


class Distance(NamedTuple):
    """A feature distance, the same between two sets of real images, and the n of every set."""

    distance: float
    floor: float
    count: int


class Closeness(NamedTuple):
    """Shares in [0, 1]; density alone can exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    """Squared Frechet distance between Gaussians fitted to features (N, D) and (M, D), in float64.

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2), Dowson and Landau 1982. The last trace is
    taken from the eigenvalues of a symmetric matrix, so it stays real where covariances are singular.
    """
    a, b = features_a.double(), features_b.double()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    gap = (a.mean(0) - b.mean(0)).square().sum()
    return (gap + cov_a.trace() + cov_b.trace() - 2 * overlap).clamp(min=0).item()


def radii(features: Tensor) -> Tensor:
    """Distance (N,) of each row of features (N, D) to its fifth nearest neighbour, itself not counted."""
    features = features.double()  # single precision cannot tell near duplicates apart
    apart = (torch.cdist(part, features) for part in features.split(CHUNK))
    return torch.cat([chunk.topk(NEIGHBOURS + 1, largest=False).values[:, -1] for chunk in apart])


def closeness(real: Tensor, fake: Tensor, real_radii: Tensor | None = None) -> Closeness:
    """Precision and recall (Kynkaanniemi 2019, section 2), density and coverage (Naeem 2020, section 3).

    Features (N, D) and (M, D); `real_radii` (N,) saves work where known. Memory grows with N, not N times M.
    """
    real_radii = radii(real) if real_radii is None else real_radii
    real, fake = real.double(), fake.double()
    covered = torch.zeros(len(real), dtype=torch.bool)
    recalled = covered.clone()
    near, inside = 0, 0
    for part, part_radii in zip(fake.split(CHUNK), radii(fake).split(CHUNK), strict=True):
        apart = torch.cdist(part, real)
        hits = apart <= real_radii
        inside += hits.any(1).sum().item()
        near += hits.sum().item()
        covered |= hits.any(0)
        recalled |= (apart <= part_radii[:, None]).any(0)
    count = len(fake)
    return Closeness(
        precision=inside / count,
        recall=recalled.double().mean().item(),
        density=near / (NEIGHBOURS * count),
        coverage=covered.double().mean().item(),
    )


def some(images: Tensor, count: int) -> Tensor:
    """The same `count` rows every time, spread over the whole: sets are often sorted by class."""
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:count]]


def judged(images: Tensor, dataset: str) -> Tensor:
    """Features (N, 64) of images (N, C, H, W), uint8 or [0, 1]; UserError where too few or not finite."""
    if len(images) < FEWEST:
        raise UserError(f"{len(images)} images are too few to measure: take at least {FEWEST}.")
    features = load_judge(dataset).features(images)
    if not features.isfinite().all():
        raise UserError("Some images hold values that are not finite: draw them from a sound model.")
    return features


@lru_cache(maxsize=4)
def reference(data: Dataset, count: int) -> tuple[Tensor, Tensor]:
    """Features (count, 64) of test images and their radii (count,)."""
    test = judged(some(data.test_images, count), data.name)
    return test, radii(test)


@lru_cache(maxsize=16)
def real_scores(data: Dataset, count: int) -> tuple[float, Closeness]:
    """The distance and closeness that `count` training images reach against as many test images.

    Kept in the cache folder: the features of training images take longer than those of samples, and never change.
    """
    sets = some(data.images, count), some(data.test_images, count)
    digest = checkpoint.checksum((*sets, *load_judge(data.name).state_dict().values()))
    key = f"{data.name} n={count} k={NEIGHBOURS} {digest:08x}"
    path, known = cache_folder() / "floors.json", {}
    with suppress(OSError, ValueError, KeyError, TypeError):  # a damaged file, or none: measure
        known = json.loads(path.read_text())
        floor, *real = known[key]
        return floor, Closeness(*real)
    (test, test_radii), training = reference(data, count), judged(sets[0], data.name)
    floor, real = frechet_distance(training, test), closeness(test, training, test_radii)
    with suppress(UserError, TypeError):  # a cache that cannot be written costs the same again next time
        checkpoint.write(path, json.dumps(known | {key: [floor, *real]}).encode())
    return floor, real


def comparable(count: int, data: Dataset) -> int:
    """Images on each side when `count` are given: no more than the data set can answer with."""
    return min(count, len(data.images), len(data.test_images))


def feature_distance(images: Tensor, dataset: str) -> Distance:
    """Frechet distance between the judge's features of images (N, C, H, W) and as many test images.

    It is biased by n: compare it only with its floor (training images against test images, the same n) and
    with distances of the same n. Distances by another judge or on another data set are in other units.
    """
    data = load(dataset)
    count = comparable(len(images), data)
    features = judged(some(images, count), dataset)
    return Distance(frechet_distance(features, reference(data, count)[0]), real_scores(data, count)[0], count)


def histogram(classes: Tensor, number: int) -> Tensor:
    """Share (number,) of each class among classes (N,) int64."""
    return torch.bincount(classes, minlength=number).double() / len(classes)


def divergence(shares: Tensor, expected: Tensor) -> float:
    """KL(shares || expected) in nats, with 0 log 0 = 0; infinite where something unexpected occurs."""
    return (torch.xlogy(shares, shares) - torch.xlogy(shares, expected)).sum().item()


def modes(shares: Tensor, expected: Tensor) -> int:
    """Number of classes that come up at least a tenth as often as expected."""
    return int(((shares >= expected / 10) & (expected > 0)).sum())


def label_agreement(images: Tensor, labels: Tensor, dataset: str) -> float:
    """Share of images (N, C, H, W) in which the judge sees the class asked for in labels (N,)."""
    return (load_judge(dataset).logits(images).argmax(1) == labels.cpu()).double().mean().item()


def judge_samples(images: Tensor, dataset: str, labels: Tensor | None = None) -> dict[str, Any]:
    """Everything the judge can say about generated images (N, C, H, W) uint8, ready for JSON.

    `count` is the n of every set; what ends in `_real`, like the floor, is what as many real training images reach
    in their place. `class_kl` (nats) is taken against the test labels; `label_agreement` is
    there only where labels (N,) are given.
    """
    judge = load_judge(dataset)
    data = load(dataset)
    features = judged(images, dataset)
    seen = judge.head(features).argmax(1)
    shares = histogram(seen, len(data.classes))
    expected = histogram(data.test_labels, len(data.classes))
    count = comparable(len(images), data)
    test, test_radii = reference(data, count)
    floor, real = real_scores(data, count)
    features = some(features, count)
    result = {
        "feature_distance": frechet_distance(features, test),
        "feature_distance_floor": floor,
        "count": count,
        **closeness(test, features, real_radii=test_radii)._asdict(),
        **{f"{name}_real": value for name, value in real._asdict().items()},
        "class_histogram": shares.tolist(),
        "class_kl": divergence(shares, expected),
        "modes": modes(shares, expected),
    }
    if labels is not None:
        result["label_agreement"] = (seen == labels.cpu()).double().mean().item()
    return result


def out_of_range(images: Tensor, low: float) -> float:
    """Share of a model's raw pixels, any shape, that lie outside [low, 1] and have to be cut off."""
    return ((images < low) | (images > 1)).double().mean().item()


@torch.no_grad()
def reconstruction_mse(model: Model, images: Tensor, labels: Tensor) -> float:
    """Squared error of reconstructions of bytes (N, C, H, W): pixels in [0, 1], summed over pixels and channels, mean
    over images."""
    pairs = zip(images.split(CHUNK), labels.split(CHUNK), strict=True)
    rebuilt = (model.to_unit(model.reconstruct(model.from_uint8(part), known)) - unit(part) for part, known in pairs)
    return sum(error.double().square().sum().item() for error in rebuilt) / len(images)


def pca_mse(training: Tensor, images: Tensor, codes: int) -> float:
    """`reconstruction_mse` of images by the best linear autoencoder of the training images with so many codes: their
    principal components, exactly, from the eigenvectors of the covariance."""
    size = training[0].numel()
    if codes >= size:  # nothing is lost
        return 0.0
    mean = sum(unit(part).double().sum(0) for part in training.split(CHUNK)).flatten() / len(training)
    scatter = torch.zeros(size, size, dtype=torch.float64)
    for part in training.split(CHUNK):
        centred = (unit(part).flatten(1) - mean).float()
        scatter += centred.T @ centred
    kept = torch.linalg.eigh(scatter).eigenvectors[:, size - codes :]  # the largest come last
    centred = unit(images).flatten(1) - mean
    return (centred.square().sum() - (centred @ kept).square().sum()).item() / len(images)


@torch.enable_grad()
def taught_accuracy(images: Tensor, labels: Tensor, dataset: str) -> float:
    """Share of test images that a small classifier gets right which has seen nothing but these images (N, C, H, W) and
    labels (N,): the classification accuracy score of Ravuri and Vinyals 2019, on a fixed budget."""
    data = load(dataset)
    channels, height, width = data.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        learner = nn.Sequential(
            nn.Conv2d(channels, 16, 5, 2, 2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * -(-height // 4) * -(-width // 4), len(data.classes)),
        )
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(learner.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=LESSONS)
    for _ in range(LESSONS):
        index = torch.randint(len(images), (100,), generator=generator)
        loss = functional.cross_entropy(learner(2 * unit(images[index]) - 1), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        seen = torch.cat([learner(2 * unit(part) - 1).argmax(1) for part in data.test_images.split(CHUNK)])
    return (seen == data.test_labels).double().mean().item()
