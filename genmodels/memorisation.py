"""Does a generator repeat its training images? Distances to the nearest of them, beside those of unseen images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from genmodels.judge import unit

QUERIES, REFERENCES = 1000, 5000  # rows and columns of the products held at once
COPYING = 0.5  # of the distances an honest sample has: below, it repeats


@dataclass(frozen=True)
class Nearest:
    """Distances (N,) of samples to the nearest training image and its index (N,), with two yardsticks."""

    distances: Tensor
    indices: Tensor
    held_out: Tensor  # distances (M,) of held-out images to the nearest training image
    unseen: Tensor  # distances (N,) of samples to the nearest held-out image

    @property
    def ratio(self) -> float:
        """Median distance of the samples over that of held-out images: 0 for copies, about 1 for fresh draws."""
        return (self.distances.median() / self.held_out.median()).item()

    @property
    def comparable(self) -> bool:
        """Whether held-out images lie off the training images at all, for pictures of one's own may be there twice."""
        return self.held_out.median().item() > 0

    @property
    def verdict(self) -> str:
        """What the distances say, in plain words. Blurred samples lie near everything, so only those count as copies
        which lie nearer to training images than to held-out ones, too."""
        if not self.comparable:
            return "Most unseen test images are copies of training images: whether the model memorises cannot be said."
        lie = f"Samples lie {self.ratio:.2f} times as far from their nearest training image as unseen test images do"
        if self.ratio < COPYING and self.distances.median() < COPYING * self.unseen.median():
            return f"{lie}: the model is memorising."
        return f"{lie}: no sign of memorising."


def nearest(queries: Tensor, references: Tensor, count: int = 1) -> tuple[Tensor, Tensor]:
    """Euclidean distances (N, count) of each query to its nearest references, the nearest first, and which they are.

    Both are (number, ...) of one shape, bytes (then taken as [0, 1]) or floats: images or features of images. Memory
    is that of a piece of 1,000 queries and 5,000 references.
    """
    queries, references = queries.flatten(1), references.flatten(1)
    values, indices = torch.empty(len(queries), 0), torch.empty(len(queries), 0, dtype=torch.int64)
    for start in range(0, len(references), REFERENCES):
        block = unit(references[start : start + REFERENCES])
        half = block.square().sum(1) / 2
        # |q - r|^2 / 2, short of |q|^2 / 2, which all references share.
        found = [
            torch.addmm(half, unit(part), block.T, alpha=-1).topk(min(count, len(block)), largest=False)
            for part in queries.split(QUERIES)
        ]
        values = torch.cat([values, torch.cat([part.values for part in found])], 1)
        indices = torch.cat([indices, torch.cat([part.indices for part in found]) + start], 1)
        best = values.topk(min(count, values.shape[1]), largest=False)
        values, indices = best.values, indices.gather(1, best.indices)
    # Differences of the images themselves: a copy is at distance 0 exactly.
    pairs = zip(queries.split(QUERIES), indices.split(QUERIES), strict=True)
    return torch.cat([(unit(part)[:, None] - unit(references[index])).norm(dim=2) for part, index in pairs]), indices


def compare(samples: Tensor, training: Tensor, held_out: Tensor) -> Nearest:
    """Samples against training and held-out images, and as many held-out against training images; (count, ...) each.

    For a few thousand samples pixels are quicker than the judge's features of a whole training set, and need no judge.
    """
    distances, indices = nearest(samples, training)
    yardstick, _ = nearest(held_out[: len(samples)], training)
    return Nearest(distances[:, 0], indices[:, 0], yardstick[:, 0], nearest(samples, held_out)[0][:, 0])
