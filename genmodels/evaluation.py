"""Everything that can be measured of a saved model.

Every number has its n and what to hold it against beside it. Likelihoods are positive: -log p, or what bounds it from
above, in nats per image. A key is null where it does not apply to the model, or where its data set has no judge.
"""

from collections.abc import Callable
from typing import Any

import torch

from genmodels import likelihood, memorisation, metrics
from genmodels.checkpoint import Checkpoint
from genmodels.data import OWN, Dataset, load
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.models import can
from genmodels.models.base import Model
from genmodels.pictures import to_uint8

WORK = 5e12  # operations for an importance-weighted bound: a minute or two on a laptop
SOME = 1000  # test images for the costly measures, where not all are asked for
BAYES = (1, 10, 50)  # importance samples for each label
NEAREST = 2000  # samples, and as many test images, whose nearest training images are looked for

# The keys that are always there, in this order.
KEYS = (
    "feature_distance",
    "feature_distance_floor",
    "precision",
    "recall",
    "density",
    "coverage",
    "class_histogram",
    "modes",
    "elbo_nats",
    "iwae_nats",
    "iwae_k",
    "nll_nats",
    "bits_per_dim",
    "reconstruction_mse",
    "bayes_accuracy",
    "nearest_ratio",
)

Say = Callable[[str], None]


def evaluate(
    saved: Checkpoint,
    count: int = 10_000,
    full: bool = False,
    say: Say = lambda text: None,
    data: Dataset | None = None,
) -> dict[str, Any]:
    """`measure` of a file's model on the data set it was trained on, which has to be given where this program does not
    have it; UserError where the two do not fit."""
    data = data or load(saved.dataset)
    if data.shape != saved.model.shape or len(data.classes) != saved.model.classes:
        raise UserError(f"The file's model was not made for {data.title}.")
    return measure(saved.model, data, count, full, say) | {"model": saved.model.name, "dataset": data.name}


@torch.no_grad()
def measure(
    model: Model, data: Dataset, count: int, full: bool = False, say: Say = lambda text: None
) -> dict[str, Any]:
    """All measures of a model in eval mode on the CPU, ready for JSON; the same every time.

    `count` samples are drawn. `full` takes all test images for every likelihood, and lets the samples of a conditional
    generator teach a classifier. Raises UserError for samples that are not finite.
    """
    found: dict[str, Any] = dict.fromkeys(KEYS)
    if can(model, "sample"):
        found |= _samples(model, data, count, full, say)
    if can(model, "log_prob"):
        say("likelihood")
        x = likelihood.inside(model, data.test_images, torch.Generator().manual_seed(0))
        found |= {"nll_nats": -likelihood.exact(model, x).mean().item(), "nll_n": len(x)}
    if can(model, "bound"):
        found |= _bounds(model, data, full, say)
    if can(model, "reconstruct"):
        say("reconstructions")
        codes = model.encode(model.from_uint8(data.test_images[:1]), data.test_labels[:1]).numel()
        found |= {
            "reconstruction_mse": metrics.reconstruction_mse(model, data.test_images, data.test_labels),
            "reconstruction_n": len(data.test_images),
            "pca_mse": metrics.pca_mse(data.images, data.test_images, codes),
            "codes": codes,
        }
    return found


def _samples(model: Model, data: Dataset, count: int, full: bool, say: Say) -> dict[str, Any]:
    say(f"{count:,} samples")
    labels = torch.arange(count) % model.classes
    generator = torch.Generator().manual_seed(0)
    parts, outside = [], 0.0
    for part in labels.split(500):
        images = model.sample(model.latents(len(part), generator), part)
        if not images.isfinite().all():
            raise UserError("Some samples hold values that are not finite: this model cannot be measured.")
        outside += metrics.out_of_range(images, model.low) * len(part) / count
        parts.append(to_uint8(model.to_unit(images)))
    images = torch.cat(parts)
    found: dict[str, Any] = {"samples": count, "out_of_range": outside}
    if has_judge(data):
        say("features of samples and test images")
        found |= metrics.judge_samples(images, data.name, labels if model.conditional else None)
    say("nearest training images")
    near = memorisation.compare(images[:NEAREST], data.images, metrics.some(data.test_images, len(data.test_images)))
    ratio = near.ratio if near.comparable else None
    found |= {"nearest_ratio": ratio, "nearest_n": len(near.distances), "nearest_verdict": near.verdict}
    if full and model.conditional and data.name != OWN:
        say("classifiers taught by samples and by training images")
        real = torch.randperm(len(data.images), generator=generator)[:count]
        found["taught_accuracy"] = metrics.taught_accuracy(images, labels, data.name)
        found["taught_accuracy_real"] = metrics.taught_accuracy(data.images[real], data.labels[real], data.name)
    return found


def _bounds(model: Model, data: Dataset, full: bool, say: Say) -> dict[str, Any]:
    """The ELBO over all test images. The tighter bound is the ELBO plus what K samples gain on `iwae_n` of the images:
    images differ far more in the one than in the other."""
    generator = torch.Generator().manual_seed(0)
    x, labels = likelihood.inside(model, data.test_images, generator), data.test_labels
    say("ELBO")
    elbo = likelihood.bound(model, x, labels, 1, generator)
    chosen = torch.randperm(len(x), generator=generator)[: len(x) if full else SOME]
    samples = likelihood.affordable(model, x[:SOME], labels, WORK)
    words = f"bound with {samples:,} samples"
    tight = likelihood.bound(
        model,
        x[chosen],
        labels[chosen],
        samples,
        generator,
        lambda done, of: say(f"{words}: {done:,} of {of:,} images"),
    )
    gain = tight - elbo[chosen]
    found = {
        "elbo_nats": -elbo.mean().item(),
        "elbo_n": len(x),
        "iwae_nats": -(elbo.mean() + gain.mean()).item(),
        "iwae_k": samples,
        "iwae_n": len(chosen),
        "iwae_error": (gain.std() * ((1 - len(chosen) / len(x)) / len(chosen)) ** 0.5).item(),
    }
    if model.law != "bernoulli":
        found["bits_per_dim"] = likelihood.bits_per_dimension(model, found["iwae_nats"])
    if model.conditional:
        say("Bayes' rule")
        most = samples * SOME  # decodings, as many as the bound takes: all test images where these are enough
        asked = torch.arange(len(x)) if BAYES[-1] * model.classes * len(x) <= most else chosen
        counts = [count for count in BAYES if count == 1 or count * model.classes * len(asked) <= most]
        shares = likelihood.bayes_accuracies(model, x[asked], labels[asked], counts, generator)
        found |= {"bayes_accuracy": shares[counts[-1]], "bayes_k": counts[-1], "bayes_n": len(asked)}
        found["bayes_accuracy_by_k"] = {str(count): share for count, share in shares.items()}
    return found


def has_judge(data: Dataset) -> bool:
    """Whether there is a judge for a data set."""
    try:
        load_judge(data.name)
    except UserError:
        return False
    return True
