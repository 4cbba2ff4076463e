"""What a judge learns from: images a little other than they are, and what it should make of them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DUST = 40 / 255  # greys no eye sees beside black; the judge learns not to see them either


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the images (N, 1, H, W) shifted, turned and scaled a little; the other half keeps its sharpness."""
    count = len(images)

    def draw(low: float, high: float, *size: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *size, generator=generator)

    angle, scale, shift = draw(-0.25, 0.25), draw(0.9, 1.1), draw(-0.15, 0.15, 2, 1)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    affine = torch.cat([torch.stack([cos, -sin, sin, cos], 1).view(-1, 2, 2), shift], 2)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return torch.where(draw(0, 1, 1, 1, 1) < 0.5, images, F.grid_sample(images, grid, align_corners=False))


def dusted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images (N, C, H, W in [0, 1]) under an even veil, clouds or grain, whole or in specks; or wiped of such dust."""
    count, channels, height, width = images.shape

    def draw(*size: int) -> Tensor:
        return torch.rand(count, *size, generator=generator)

    level = DUST * draw(1, 1, 1)
    clouds = F.interpolate(draw(channels, height // 4, width // 4), (height, width), mode="bilinear")
    grain = 2 * draw(channels, height, width) - 1
    kind = torch.randint(4, (count, 1, 1, 1), generator=generator)
    veil = torch.where(kind == 0, torch.ones(()), torch.where(kind == 1, clouds, grain))
    veil = veil * (draw(channels, height, width) < 2 * draw(1, 1, 1))  # specks in half of the images
    return torch.where(kind == 3, images * (images >= level), (images + level * veil).clamp(0, 1))


def slid(images: Tensor, generator: torch.Generator) -> Tensor:
    """Photographs (N, C, H, W) shifted by up to four whole pixels, which keeps them sharp; half of them mirrored."""
    count, channels, height, width = images.shape

    def draw(below: int) -> Tensor:
        return torch.randint(below, (count, 1), generator=generator)

    rows, columns = draw(9) + torch.arange(height), draw(9) + torch.arange(width)
    columns = torch.where(draw(2) == 0, columns, columns.flip(1))
    which, channel = torch.arange(count).view(-1, 1, 1, 1), torch.arange(channels).view(1, -1, 1, 1)
    wider = F.pad(images, (4, 4, 4, 4), mode="reflect")
    return wider[which, channel, rows.view(count, 1, -1, 1), columns.view(count, 1, 1, -1)]


def grained(images: Tensor, generator: torch.Generator) -> Tensor:
    """Photographs (N, C, H, W in [0, 1]), half of them under faint grain, whole or in specks."""
    count, channels, height, width = images.shape

    def draw(*size: int) -> Tensor:
        return torch.rand(count, *size, generator=generator)

    level = DUST / 2 * draw(1, 1, 1) * (draw(1, 1, 1) < 0.5)
    specks = draw(1, height, width) < 2 * draw(1, 1, 1)
    return (images + level * specks * (2 * draw(channels, height, width) - 1)).clamp(0, 1)


def digit_loss(judge: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Every image is seen clean and dusted: the class has to be right for both, and the features the same."""
    images = moved(images, generator)
    features = judge.body(torch.cat([images, dusted(images, generator)]) * 2 - 1)
    clean, dusty = features.chunk(2)
    return F.cross_entropy(judge.head(features), labels.repeat(2)) + F.mse_loss(dusty, clean)


def photograph_loss(judge: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Each image once, clean or grained; in half precision, which doubles the speed."""
    images = grained(slid(images, generator), generator).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = judge(images)
    return F.cross_entropy(logits.float(), labels, label_smoothing=0.1)
