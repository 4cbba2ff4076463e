"""Bayes' rule: from how likely each class makes what is seen, to how likely each class is."""

import torch
from torch import Tensor


def log_posterior(log_likelihood: Tensor, log_prior: Tensor | None = None) -> Tensor:
    """log p(y|x) = log p(x|y) + log p(y) - log sum_y' p(x|y') p(y'), in nats.

    `log_likelihood` (..., classes) need not be normalised; `log_prior` (classes,) is even if not given.
    """
    joint = log_likelihood if log_prior is None else log_likelihood + log_prior
    return torch.log_softmax(joint, -1)
