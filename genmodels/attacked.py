"""The network and the Bayes classifier under attack: both as functions of the greys of a picture, in [-1, 1].

python -m genmodels.attacked    writes genmodels/attacked.json, accuracy against eps; about five minutes on one core
"""

import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import softplus

from genmodels import checkpoint, weights
from genmodels.classify import fit
from genmodels.data import load
from genmodels.judge import load_judge
from genmodels.metrics import some
from genmodels.models.base import Model
from genmodels.theory.adversarial import Logits, fgsm, pgd
from genmodels.writing import write

FGSM, PGD = "FGSM", "PGD"
LINF, L2 = "linf", "l2"
EPS = {LINF: (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4), L2: (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)}
SAMPLES = 4  # importance samples of the Bayes classifier
COUNT = 100  # test digits of the curves
STEPS = 20
MARGIN = 10.0  # nats between the first and the second answer that leave a gradient
RESULTS = Path(__file__).with_name("attacked.json")


def network() -> Logits:
    """The judge as a function of pictures (N, 1, 28, 28) in [-1, 1]."""
    judge = load_judge("mnist")
    return lambda x: judge((x + 1) / 2)


def bayes(model: Model, samples: int, seed: int) -> Logits:
    """log p(x|y) as a function of pictures (N, 1, 28, 28) in [-1, 1] that gradients pass through, (N, 10).

    The noise is drawn once, the same for all pictures and labels. No gradient passes through a black and white
    draw: each grey counts as the share of white draws, so log p(x|z) is the mean over all of them.
    """
    eps = torch.randn(samples, 1, fit(model).codes, generator=torch.Generator().manual_seed(seed))

    def logits(x: Tensor) -> Tensor:
        count = len(x)
        labels = torch.arange(model.classes).repeat_interleave(count)
        grey = ((x + 1) / 2).repeat(model.classes, 1, 1, 1)
        mu, log_variance = model.posterior(grey, labels)
        z = mu + torch.exp(0.5 * log_variance) * eps
        condition = model.condition(labels).expand(samples, -1, -1).flatten(0, 1)
        decoded = model.decoder(z.flatten(0, 1), condition).unflatten(0, (samples, -1))
        likelihood = (grey * decoded - softplus(decoded)).flatten(2).sum(2)
        prior = -0.5 * (z.square() - eps.square() - log_variance).sum(2)
        bound = (likelihood + prior).logsumexp(0) - math.log(samples)
        return bound.view(model.classes, count).T

    return logits


def attack(
    logits: Logits,
    x: Tensor,
    y: Tensor,
    kind: str,
    norm: str,
    eps: float,
    *,
    steps: int = STEPS,
    restarts: int = 1,
    targeted: bool = False,
) -> Tensor:
    """Pictures in [-1, 1] changed by at most eps, here in the scale of [0, 1]; `y` is what they are or, if
    `targeted`, shall become. Under l2 the one step of FGSM follows the gradient instead of its sign."""
    logits = softened(logits, x)
    if kind == PGD:
        generator = torch.Generator().manual_seed(0)
        more = {"steps": steps, "restarts": restarts, "targeted": targeted, "generator": generator}
        return pgd(logits, x, y, 2 * eps, norm=norm, **more)
    if norm == L2:
        return pgd(logits, x, y, 2 * eps, norm=norm, steps=1, step=2 * eps, targeted=targeted)
    return fgsm(logits, x, y, 2 * eps, targeted=targeted)


def softened(logits: Logits, x: Tensor) -> Logits:
    """The same answers from smaller logits: where a classifier is quite sure of x, softmax has no gradient left, and
    an attack would fail for no merit of the classifier."""
    with torch.no_grad():
        first, second = logits(x).topk(2).values.T
    scale = ((first - second) / MARGIN).clamp(min=1)[:, None]
    return lambda point: logits(point) / scale


def curve(logits: Logits, x: Tensor, y: Tensor, kind: str, norm: str, eps: tuple[float, ...]) -> Iterator[float]:
    """Accuracy at each rising eps. What fooled the classifier within a smaller ball lies in the larger, too."""
    standing = torch.ones(len(x), dtype=torch.bool)
    for size in eps:
        if standing.any():
            left = torch.nonzero(standing).flatten()
            attacked = attack(logits, x[left], y[left], kind, norm, size)
            with torch.no_grad():
                standing[left] = logits(attacked).argmax(1) == y[left]
        yield standing.double().mean().item()


@cache
def shipped() -> dict:
    """The curves measured beforehand: "network PGD linf" and so on to the accuracy at each eps."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def main() -> None:
    mnist = load("mnist")
    x = some(mnist.test_images, COUNT).float() / 127.5 - 1
    y = some(mnist.test_labels, COUNT)
    model = checkpoint.load(weights.path_of("cvae", "mnist")).model.requires_grad_(False)
    curves = {}
    for name, logits in (("network", network()), ("Bayes", bayes(model, SAMPLES, 0))):
        for kind in (FGSM, PGD):
            for norm, eps in EPS.items():
                curves[f"{name} {kind} {norm}"] = found = list(curve(logits, x, y, kind, norm, eps))
                print(name, kind, norm, found, flush=True)
    facts = {"count": COUNT, "samples": SAMPLES, "steps": STEPS, "curves": curves}
    write(RESULTS, (json.dumps(facts) + "\n").encode())


if __name__ == "__main__":
    main()
