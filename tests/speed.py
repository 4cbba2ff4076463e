"""Images per second, in turns: the VAE here against the usual script, and a DCGAN watched against one unwatched.

    python -m tests.speed [--seconds 6] [--pairs 5]

Both VAEs: 784-400-20, Bernoulli, batch 128, Adam 1e-3, MNIST. The usual script decodes and scales every image anew
(torchvision's MNIST with ToTensor), through one worker.
"""

import argparse
import statistics
import time
from itertools import islice

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor
from torchvision.transforms.functional import to_pil_image

from genmodels import data, precision, registry
from genmodels.models import build
from genmodels.training import Trainer
from genmodels.ui import live


class Usual(nn.Module):
    """The VAE of a thousand tutorials."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.mu, self.log_variance = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.back, self.out = nn.Linear(20, 400), nn.Linear(400, 784)

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        x = x.view(-1, 784)
        h = functional.relu(self.hidden(x))
        mu, log_variance = self.mu(h), self.log_variance(h)
        z = mu + torch.exp(0.5 * log_variance) * torch.randn_like(mu)
        y = torch.sigmoid(self.out(functional.relu(self.back(z))))
        kl = -0.5 * torch.sum(1 + log_variance - mu.pow(2) - log_variance.exp())
        return functional.binary_cross_entropy(y, x, reduction="sum") + kl


class Pictures(Dataset):
    """As torchvision's MNIST gives them: a PIL image made and transformed at every visit."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images, self.transform = images, ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(to_pil_image(self.images[index]))


def usual(images: torch.Tensor, seconds: float) -> float:
    """Images per second of the usual script, its first ten batches (and the worker's start) not counted."""
    model = Usual()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = iter(DataLoader(Pictures(images), batch_size=128, shuffle=True, num_workers=1))

    def step(x: torch.Tensor) -> None:
        optimizer.zero_grad()
        loss = model.loss(x)
        loss.backward()
        loss.item()  # added to the epoch's loss, as the script does
        optimizer.step()

    for x in islice(batches, 10):
        step(x)
    start, count = time.perf_counter(), 0
    for x in batches:
        step(x)
        count += len(x)
        if time.perf_counter() - start > seconds:
            break
    return count / (time.perf_counter() - start)


def ours(dataset: data.Dataset, seconds: float) -> float:
    """Images per second of this package's loop, ten rounds not counted."""
    model = build("vae", dataset.shape, 10)
    trainer = Trainer(model, dataset.images, dataset.labels, device="cpu")
    trainer.use(precision.choose(model, trainer.device))
    for _ in range(10):
        trainer.round()
    start, before = time.perf_counter(), trainer.seen
    while time.perf_counter() - start < seconds:
        trainer.round()
    return (trainer.seen - before) / (time.perf_counter() - start)


def shown(seconds: float, watched: bool) -> float:
    """Images per second of a DCGAN's run, with or without a page that asks for news five times a second."""
    run = registry.create("dcgan", "mnist", {}, seconds=3600)
    live._setups[run] = live.Setup(run.snapshot().settings, 3600)
    while run.snapshot(viewer=False).round < 10:
        time.sleep(0.1)
    start, before, have, revision = time.perf_counter(), run.snapshot(viewer=False).images, [], -1
    while time.perf_counter() - start < seconds:
        if watched:
            news = live.look({"run": run.id, "have": have, "revision": revision})
            if news:
                revision = news["revision"]
                have += [picture["images"] for picture in news["pictures"]["fresh"]]
        time.sleep(0.2)
    rate = (run.trainer.seen - before) / (time.perf_counter() - start)
    run.stop()
    run.join()
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--pairs", type=int, default=5)
    chosen = parser.parse_args()
    dataset = data.load("mnist")
    ratios = []
    for _ in range(chosen.pairs):
        theirs, here = usual(dataset.images, chosen.seconds), ours(dataset, chosen.seconds)
        ratios.append(here / theirs)
        print(f"usual {theirs:8,.0f}   here {here:8,.0f} images/s   ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")
    costs = []
    for _ in range(chosen.pairs):
        alone, watched = shown(chosen.seconds, watched=False), shown(chosen.seconds, watched=True)
        costs.append(1 - watched / alone)
        print(f"alone {alone:8,.0f}   watched {watched:8,.0f} images/s   cost {100 * costs[-1]:.1f} %", flush=True)
    print(f"median cost of a viewer {100 * statistics.median(costs):.1f} %")


if __name__ == "__main__":
    main()
