"""A likelihood of bytes: a logistic law cut into 256 bins, around a mean that hears the errors of earlier pixels."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, logsigmoid

HALF = 0.5 / 255  # of the distance between two bytes


def log_probability_of_bytes(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """log P of pixels x = 0, 1/255, ..., 1 under a logistic law cut into 256 bins (Salimans 2017, equation 2).

    Black takes all that lies below it and white all above, so the 256 probabilities add up to 1.
    """
    slope = torch.exp(-log_scale.clamp(-8, 8))
    above, below = (x - mean + HALF) * slope, (x - mean - HALF) * slope
    # S(a) - S(b) = S(a) S(-b) (1 - e^(b - a)) for the sigmoid S: nothing cancels, however small the bin.
    inside = logsigmoid(above) + logsigmoid(-below) + torch.log(-torch.expm1(-2 * HALF * slope))
    edge = torch.where(x < HALF, logsigmoid(above), logsigmoid(-below))
    return torch.where((x - 0.5).abs() < 0.5 - HALF, inside, edge)


class Echo(nn.Module):
    """What a pixel's mean learns from errors before it: of its own earlier colours and, as far as `reach`, of pixels
    above and to the left. A linear prediction, the same everywhere.

    A product of conditional probabilities is still a probability (Salimans 2017, equation 3, for the colours).
    """

    def __init__(self, channels: int, reach: int) -> None:
        super().__init__()
        side = 2 * reach + 1
        middle = side * side // 2
        earlier = torch.zeros(channels, channels, side * side)
        earlier[:, :, :middle] = 1
        earlier[:, :, middle] = torch.ones(channels, channels).tril(-1)
        self.register_buffer("earlier", earlier.unflatten(2, (side, side)), persistent=False)
        weight = torch.zeros(channels, channels, side, side)
        for channel in range(1, channels):  # a colour errs much as the one before it
            weight[channel, channel - 1, reach, reach] = 1
        self.weight = nn.Parameter(weight)

    def forward(self, errors: Tensor) -> Tensor:  # (..., C, H, W), of the same shape
        heard = conv2d(errors.flatten(0, -4), self.weight * self.earlier, padding="same")
        return heard.view_as(errors)
