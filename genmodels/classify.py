"""A generative model as a classifier: what each label makes of a digit, how sure Bayes' rule is, and what is no digit.

python -m genmodels.classify    writes genmodels/classify.json, the reference of the CVAE that comes along
"""

import json
import math
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from genmodels import checkpoint, weights
from genmodels.data import load
from genmodels.errors import UserError
from genmodels.judge import load_judge
from genmodels.likelihood import bayes_logits, inside
from genmodels.metrics import label_agreement, some
from genmodels.models.base import Model
from genmodels.theory.bayes import log_posterior
from genmodels.writing import write

SAMPLES = (1, 3, 10, 30, 100)  # importance samples that one may ask for
QUANTILE = 0.01  # share of test digits that the threshold takes for no digits
MEASURED = 1000, 100  # digits, and pictures of each other kind, of the reference that comes along
QUICK = 60, 20  # of a visitor's run, while the visitor waits
RESULTS = Path(__file__).with_name("classify.json")


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model and the judge say of one digit; nats."""

    observed: Tensor  # (1, 1, 28, 28) bytes: the black and white draw that the likelihood is about
    log_likelihood: Tensor  # log p(x|y), importance-weighted, (10,)
    log_evidence: float  # log p(x) = log of the mean of p(x|y) over the labels
    bayes: Tensor  # p(y|x), (10,)
    judge: Tensor  # p(y|x) of the judge, (10,)
    rebuilt: Tensor  # (10, 1, 28, 28) in [0, 1]: encoded and decoded as each label


def fit(model: Model) -> Model:
    """The model itself; UserError where it cannot be asked for p(x|y) of digits."""
    if not getattr(model, "conditional", False) or not hasattr(model, "posterior"):
        raise UserError(f"{model.name} has no p(x|y): choose a cvae, which learns from labels.")
    if model.shape != (1, 28, 28) or model.law != "bernoulli":
        raise UserError("The digits here are black and white, 28 x 28: choose a cvae on MNIST with bernoulli pixels.")
    return model


@torch.no_grad()
def ask(model: Model, digit: Tensor, samples: int, seed: int) -> Answer:
    """Bytes (1, 28, 28) through Bayes' rule with so many importance samples, and through the judge."""
    generator = torch.Generator().manual_seed(seed)
    x = inside(fit(model), digit[None], generator)
    log_likelihood = bayes_logits(model, x, samples, generator)[0].double()
    every = torch.arange(model.classes)
    return Answer(
        observed=(255 * x).to(torch.uint8),
        log_likelihood=log_likelihood,
        log_evidence=_evidence(log_likelihood).item(),
        bayes=log_posterior(log_likelihood).exp(),
        judge=functional.softmax(load_judge("mnist").logits(digit[None])[0].double(), 0),
        rebuilt=model.to_unit(model.reconstruct(x.expand(model.classes, -1, -1, -1), every)),
    )


@dataclass(frozen=True)
class Reference:
    """Test digits and other pictures under a model, for every number of samples up to one."""

    samples: list[int]
    accuracy: list[float]  # of Bayes' rule, for each number of samples
    judge: float  # accuracy of the judge on the same digits
    evidence: dict[str, list[list[float]]]  # kind of picture -> for each number of samples log p(x) of each picture

    @property
    def digits(self) -> int:
        return len(self.evidence["digits"][0])

    def threshold(self, samples: int) -> float:
        """log p(x) below which a picture is no digit: a quantile of that of test digits."""
        values = torch.tensor(self.evidence["digits"][self.samples.index(samples)], dtype=torch.float64)
        return values.quantile(QUANTILE).item()


def others(count: int) -> dict[str, Tensor]:
    """Bytes (N, 1, 28, 28) that are no digits: grey photographs of CIFAR-10, and even noise."""
    photographs = some(load("cifar10").test_images, count).float()
    grey = (photographs * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    small = functional.interpolate(grey, (28, 28), mode="bilinear", antialias=True)
    noise = torch.randint(256, (count, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return {"photographs": small.round().clamp(0, 255).to(torch.uint8), "noise": noise}


def measure(model: Model, most: int, sizes: tuple[int, int]) -> Reference:
    """The reference with up to `most` samples, from so many digits and so many of each other kind."""
    mnist = load("mnist")
    digits, labels = some(mnist.test_images, sizes[0]), some(mnist.test_labels, sizes[0])
    counts = [count for count in SAMPLES if count <= most]
    found = {kind: _rising(model, images, counts) for kind, images in {"digits": digits, **others(sizes[1])}.items()}
    return Reference(
        samples=counts,
        accuracy=[(logits.argmax(1) == labels).double().mean().item() for logits in found["digits"]],
        judge=label_agreement(digits, labels, "mnist"),
        evidence={
            kind: [[round(value, 2) for value in _evidence(logits).tolist()] for logits in rows]
            for kind, rows in found.items()
        },
    )


def reference(model: Model, samples: int) -> Reference:
    """What was measured of the model that comes along, known by its weights; else measured now, on fewer digits."""
    known = shipped()
    if known["weights"] == checkpoint.checksum(model.state_dict().values()):
        return Reference(**known["reference"])
    return quick(model, samples)


@cache
def shipped() -> dict:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


@lru_cache(maxsize=8)
def quick(model: Model, samples: int) -> Reference:
    """What `reference` measures now."""
    return measure(fit(model), samples, QUICK)


def _rising(model: Model, images: Tensor, counts: list[int]) -> list[Tensor]:
    """log p(x|y), (N, 10), with each number of samples; the larger ones contain the smaller."""
    generator = torch.Generator().manual_seed(0)
    x = inside(model, images, generator)
    total, done, found = torch.tensor(-math.inf), 0, []
    for count in counts:
        more = bayes_logits(model, x, count - done, generator).double() + math.log(count - done)
        total, done = torch.logaddexp(total, more), count
        found.append(total - math.log(count))
    return found


def _evidence(log_likelihood: Tensor) -> Tensor:
    """log p(x) of log p(x|y) (..., classes), all labels being as frequent."""
    return log_likelihood.logsumexp(-1) - math.log(log_likelihood.shape[-1])


def main() -> None:
    model = checkpoint.load(weights.path_of("cvae", "mnist")).model
    found = measure(model, SAMPLES[-1], MEASURED)
    facts = {"weights": checkpoint.checksum(model.state_dict().values()), "reference": asdict(found)}
    write(RESULTS, (json.dumps(facts) + "\n").encode())
    print(dict(zip(found.samples, found.accuracy, strict=True)), "judge", found.judge)


if __name__ == "__main__":
    main()
