"""The judge: a small classifier whose features the metrics compare."""

import argparse
import json
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genmodels.data import NAMES, load
from genmodels.errors import UserError

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
CHUNK = 100  # images looked at together: more fall out of the processor's cache, at half the speed
DUST = 40 / 255  # greys no eye sees beside black; the judge learns not to see them either


class Judge(nn.Module):
    """Classifier of images of `shape` (C, H, W) into `classes`; its last hidden layer holds the features."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.shape = tuple(shape)
        channels, height, width = shape
        wide = 32 if channels == 1 else 64  # photographs need more than digits

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

        self.body = nn.Sequential(
            *block(channels, wide),
            nn.MaxPool2d(2),
            *block(wide, 2 * wide),
            nn.MaxPool2d(2),
            *block(2 * wide, 2 * wide),
            *(block(2 * wide, 4 * wide) if channels > 1 else []),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear((2 if channels == 1 else 4) * wide * (height // 8) * (width // 8), 64, bias=False),
            nn.BatchNorm1d(64, affine=False),  # features of a fixed scale
            nn.ReLU(),
        )
        self.head = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of float images in [0, 1]."""
        return self.head(self.body(images * 2 - 1))

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Features (N, 64) of images (N, C, H, W), uint8 or floats in [0, 1]; UserError for another shape."""
        if tuple(images.shape[1:]) != self.shape:
            raise UserError(f"Give the judge images of {self.shape}, not {tuple(images.shape[1:])}.")
        self.eval()
        device = self.head.weight.device
        return torch.cat([self.body(unit(part.to(device)) * 2 - 1) for part in images.split(CHUNK)])

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W), uint8 or floats in [0, 1]."""
        return self.head(self.features(images))


def unit(images: Tensor) -> Tensor:
    """Floats in [0, 1] of uint8 images; floats pass unchanged."""
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the images (N, C, H, W) shifted, turned and scaled a little; the other half keeps its sharpness."""
    count, channels = images.shape[:2]

    def draw(low: float, high: float, *size: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *size, generator=generator)

    if channels > 1:
        images = torch.where(draw(0, 1, 1, 1, 1) < 0.5, images, images.flip(3))  # a digit has no mirror image
    turn = 0.25 if channels == 1 else 0.1
    angle, scale, shift = draw(-turn, turn), draw(0.9, 1.1), draw(-0.15, 0.15, 2, 1)
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


def accuracy(judge: Judge, images: Tensor, labels: Tensor) -> float:
    """Share of images (N, C, H, W) in which the judge sees the class of `labels` (N,)."""
    return (judge.logits(images).argmax(1) == labels).float().mean().item()


def train(name: str, epochs: int, seed: int = 0) -> Judge:
    """A judge trained on the whole training part of a data set; the same seed gives the same judge.

    Every image is seen clean and dusted: the class has to be right for both, and the features the same.
    """
    data = load(name)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        judge = Judge(data.shape, len(data.classes))
    generator = torch.Generator().manual_seed(seed)
    batch = 128
    steps = epochs * (len(data.images) // batch)
    optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for epoch in range(epochs):
        judge.train()
        total = 0.0
        for index in torch.randperm(len(data.images), generator=generator).split(batch):
            if len(index) < batch:
                break
            images = moved(unit(data.images[index]), generator)
            features = judge.body(torch.cat([images, dusted(images, generator)]) * 2 - 1)
            clean, dusty = features.chunk(2)
            loss = F.cross_entropy(judge.head(features), data.labels[index].repeat(2)) + F.mse_loss(dusty, clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {epochs}: loss {total * epochs / steps:.4f} nats", flush=True)
    return judge.eval()


def save(judge: Judge, path: Path, metadata: dict[str, str]) -> None:
    """Writes the judge in half precision, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file({key: value.contiguous() for key, value in judge.half().state_dict().items()}, part, metadata)
    part.replace(path)


def read(path: Path) -> Judge:
    """The judge in a file written by `save`, in single precision and with nothing left to learn."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    judge = Judge(tuple(json.loads(metadata["shape"])), int(metadata["classes"]))
    judge.load_state_dict(load_file(path))
    return judge.eval().requires_grad_(False)


@cache
def load_judge(name: str) -> Judge:
    """The frozen judge of a data set, from weights/; UserError where there is none."""
    path = WEIGHTS / f"judge-{name}.safetensors"
    if not path.exists():
        raise UserError(f"{name} has no judge yet: train one with `python -m genmodels.judge {name}`.")
    return read(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m genmodels.judge", description=__doc__)
    parser.add_argument("dataset", choices=NAMES)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    name, epochs, seed = arguments.dataset, arguments.epochs, 0
    data = load(name)
    judge = train(name, epochs, seed)
    path = arguments.out or WEIGHTS / f"judge-{name}.safetensors"
    metadata = {
        "command": f"python -m genmodels.judge {name} --epochs {epochs}",
        "seed": str(seed),
        "shape": json.dumps(data.shape),
        "classes": str(len(data.classes)),
        "images": str(len(data.images)),
    }
    reached = accuracy(judge.half().float(), data.test_images, data.test_labels)  # as it will be read back
    save(judge, path, metadata | {"accuracy": f"{reached:.4f}"})
    print(f"{path}: {100 * reached:.2f} % of {len(data.test_images):,} test images right")


if __name__ == "__main__":
    main()
