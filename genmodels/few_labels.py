"""What generative and discriminative classifiers reach with few labels: accuracy against the size of the training set.

python -m genmodels.few_labels    writes genmodels/few_labels.json; about ten minutes on one core

Two pairs, each a model of p(x|y) read by Bayes' rule beside a network for p(y|x) of the same kind: naive Bayes and
logistic regression (Ng & Jordan 2002), a CVAE and a network as wide as its encoder.
"""

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from genmodels.data import load
from genmodels.likelihood import bayes_logits
from genmodels.metrics import some
from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.writing import write

SIZES = (10, 30, 100, 300, 1000, 3000)
SEEDS = range(5)
TESTED = 1000  # test images
SAMPLES = 10  # importance samples of the CVAE
WIDTH = 400
BATCH = 64
STEPS = {"cvae": 1000, "network": 600, "logistic": 300}
RESULTS = Path(__file__).with_name("few_labels.json")


def subset(labels: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Indices of `size` random images, as many of each class as of any other."""
    order = torch.randperm(len(labels), generator=generator)
    each = [order[labels[order] == label][: size // 10] for label in range(10)]
    return torch.cat(each)


def naive_bayes(x: Tensor, y: Tensor, test: Tensor) -> Tensor:
    """Answers of independent coins for the pixels of each class, one head and one tail seen of each beforehand."""
    heads = torch.stack([x[y == label].flatten(1).sum(0) for label in range(10)])
    p = (heads + 1) / (torch.bincount(y, minlength=10)[:, None] + 2)
    return (test.flatten(1) @ (p.log() - (1 - p).log()).T + (1 - p).log().sum(1)).argmax(1)


def trained(network: nn.Module, x: Tensor, y: Tensor, steps: int, generator: torch.Generator) -> nn.Module:
    """Fitted to the labels by Adam with a little weight decay."""
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.05)
    for _ in range(steps):
        index = torch.randint(len(x), (BATCH,), generator=generator)
        loss = functional.cross_entropy(network(x[index]), y[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@torch.no_grad()
def answers(network: nn.Module, test: Tensor) -> Tensor:
    return network(test).argmax(1)


def cvae(x: Tensor, y: Tensor, test: Tensor, seed: int, generator: torch.Generator) -> Tensor:
    """Answers by Bayes' rule of a CVAE that saw these labels alone."""
    model = build("cvae", (1, 28, 28), 10, seed=seed, width=WIDTH)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.05)
    for step in range(STEPS["cvae"]):
        index = torch.randint(len(x), (BATCH,), generator=generator)
        loss = model.loss(Batch(x[index], y[index], generator, step * BATCH))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return bayes_logits(model.eval(), test, SAMPLES, generator).argmax(1)


def measure(size: int, seed: int) -> dict[str, float]:
    """Share of the test images that each classifier names rightly after `size` labels."""
    mnist = load("mnist")
    generator = torch.Generator().manual_seed(seed)
    index = subset(mnist.labels, size, generator)
    x, y = mnist.images[index].float() / 255, mnist.labels[index]
    test, labels = some(mnist.test_images, TESTED).float() / 255, some(mnist.test_labels, TESTED)
    binary = torch.bernoulli(test, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        logistic = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
        network = nn.Sequential(nn.Flatten(), nn.Linear(784, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    found = {
        "naive Bayes": naive_bayes(x, y, binary),
        "logistic regression": answers(trained(logistic, x, y, STEPS["logistic"], generator), test),
        "CVAE by Bayes' rule": cvae(x, y, binary, seed, generator),
        "network": answers(trained(network, x, y, STEPS["network"], generator), test),
    }
    return {name: (answer == labels).double().mean().item() for name, answer in found.items()}


def main() -> None:
    accuracy: dict[str, list[list[float]]] = {}  # of each classifier: for each size one number a seed
    for seed in SEEDS:
        for place, size in enumerate(SIZES):
            found = measure(size, seed)
            print(f"seed {seed}, {size} labels:", found, flush=True)
            for name, value in found.items():
                accuracy.setdefault(name, [[] for _ in SIZES])[place].append(value)
        # After every seed: one that is cut short leaves what is finished.
        facts = {"sizes": SIZES, "seeds": seed + 1, "tested": TESTED, "samples": SAMPLES, "accuracy": accuracy}
        write(RESULTS, (json.dumps(facts) + "\n").encode())


if __name__ == "__main__":
    main()
