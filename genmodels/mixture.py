"""A Gaussian mixture for codes: clusters by k-means, and in each a Gaussian with its full covariance.

It gives a plain autoencoder what it lacks: a law of its codes to draw from.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from genmodels.data import Dataset
from genmodels.errors import UserError
from genmodels.latent import codes, decoded, encoded
from genmodels.metrics import Distance, feature_distance, some
from genmodels.models.base import Model

MOST = 256  # numbers in a code: covariances grow with the square
CODES = 5000  # training pictures whose codes it is fitted to
DRAWS = 1000  # of each law when distances are taken
ROUNDS = 30  # of k-means at most
RIDGE = 1e-3  # of the mean variance, added to each: a cluster may be flat


@dataclass(frozen=True, eq=False)
class Mixture:
    """sum_k shares[k] N(means[k], factors[k] factors[k]')."""

    shares: Tensor  # (K,)
    means: Tensor  # (K, d)
    factors: Tensor  # (K, d, d), lower triangular

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Points (count, d)."""
        of = torch.multinomial(self.shares, count, replacement=True, generator=generator)
        eps = torch.randn(count, self.means.shape[1], generator=generator)
        return self.means[of] + (self.factors[of] @ eps[:, :, None])[:, :, 0]


def clusters(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """The cluster (N,) of each of points (N, d): Lloyd's k-means from the spread start of Arthur & Vassilvitskii
    (2007). Two points that are equal share a cluster."""
    centres = points[torch.randint(len(points), (1,), generator=generator)]
    for _ in range(count - 1):
        apart = torch.cdist(points, centres).amin(1).square() + 1e-12
        centres = torch.cat([centres, points[torch.multinomial(apart, 1, generator=generator)]])
    of = torch.cdist(points, centres).argmin(1)
    for _ in range(ROUNDS):
        sizes = torch.bincount(of, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, of, points)
        centres = torch.where(sizes[:, None] > 0, sums / sizes[:, None].clamp(min=1), centres)
        before, of = of, torch.cdist(points, centres).argmin(1)
        if torch.equal(before, of):
            break
    return of


def fit(points: Tensor, count: int, generator: torch.Generator) -> Mixture:
    """A mixture of at most `count` Gaussians for points (N, d); clusters that came out empty are left out."""
    of = clusters(points, count, generator)
    ridge = RIDGE * points.var(0, correction=0).mean().clamp(min=1e-12) * torch.eye(points.shape[1])
    groups = [points[of == k] for k in range(count) if bool((of == k).any())]
    means = torch.stack([group.mean(0) for group in groups])
    factors = [
        torch.linalg.cholesky((group - mean).T @ (group - mean) / len(group) + ridge)
        for group, mean in zip(groups, means, strict=True)
    ]
    shares = torch.tensor([len(group) / len(points) for group in groups])
    return Mixture(shares, means, torch.stack(factors))


@lru_cache(maxsize=8)
def of_codes(model: Model, data: Dataset, count: int) -> Mixture:
    """The mixture for the codes of training pictures, the same every time; UserError where codes are too long."""
    dimensions = codes(model, data)[0].shape[1]
    if dimensions > MOST:
        raise UserError(f"The codes of this {model.name} have {dimensions:,} numbers: too many to fit covariances to.")
    z = encoded(model, some(data.images, CODES), some(data.labels, CODES))
    return fit(z, count, torch.Generator().manual_seed(0))


@lru_cache(maxsize=8)
def distances(model: Model, data: Dataset, count: int) -> tuple[Distance, Distance]:
    """Feature distances of pictures decoded from N(0, I) and from the mixture, the same every time; UserError for a
    data set without a judge."""
    generator = torch.Generator().manual_seed(0)
    law = of_codes(model, data, count)
    laws = (torch.randn(DRAWS, law.means.shape[1], generator=generator), law.draw(DRAWS, generator))
    labels = torch.arange(DRAWS) % model.classes
    return tuple(feature_distance(decoded(model, z, labels), data.name) for z in laws)
