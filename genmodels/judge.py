"""The judge: a small classifier whose features the metrics compare."""

import argparse
import hashlib
import io
import json
import sys
from functools import cache
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from genmodels.data import NAMES, OWN, Dataset, load
from genmodels.errors import UserError
from genmodels.lessons import digit_loss, photograph_loss
from genmodels.writing import check_place, write

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
CHUNK = 100  # images looked at together: more fall out of the processor's cache, at half the speed


def block(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    """A convolution of 3 x 3 with its batch norm."""
    return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def seen_as_digits() -> list[nn.Module]:
    """Grey images (N, 1, H, W) to flat numbers (N, 64 * H//8 * W//8)."""
    pool = nn.MaxPool2d(2)
    return [*block(1, 32), pool, *block(32, 64), pool, *block(64, 64), pool, nn.Flatten()]


def seen_as_photographs() -> list[nn.Module]:
    """Coloured images (N, 3, H, W) to flat numbers (N, 160). Four pixels are taken as one from the start: at full size
    a processor would spend most of its time on the first layer."""
    return [
        nn.PixelUnshuffle(2),
        *block(12, 64),
        Residual(64),
        *block(64, 128, 2),
        Residual(128),
        *block(128, 160, 2),
        *block(160, 160),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ]


class Residual(nn.Module):
    """x and what two convolutions add to it (He et al. 2016, section 3.2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.added = nn.Sequential(*block(channels, channels), *block(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.added(x)


class Judge(nn.Module):
    """Classifier of images of `shape` (C, H, W) into `classes`; its last hidden layer holds the features."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.shape = tuple(shape)
        channels, height, width = shape
        eye = seen_as_digits() if channels == 1 else seen_as_photographs()
        self.body = nn.Sequential(
            *eye,
            nn.Linear(64 * (height // 8) * (width // 8) if channels == 1 else 160, 64, bias=False),
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


def accuracy(judge: Judge, images: Tensor, labels: Tensor) -> float:
    """Share of images (N, C, H, W) in which the judge sees the class of `labels` (N,)."""
    return (judge.logits(images).argmax(1) == labels).float().mean().item()


def train(name: str, epochs: int, seed: int = 0, state: Path | None = None) -> Judge:
    """A judge trained on the whole training part of a data set; the same seed gives the same judge.

    A `state` file, written after every epoch, lets a training that was cut short go on as if nothing had happened.
    """
    data = load(name)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        judge = Judge(data.shape, len(data.classes))
    generator = torch.Generator().manual_seed(seed)
    batch = 128
    steps = epochs * (len(data.images) // batch)
    if data.shape[0] == 1:
        lesson, peak = digit_loss, 4e-3
        optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=0.05)
    else:
        lesson, peak = photograph_loss, 0.15
        judge.to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(judge.parameters(), momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=steps)
    parts = {"judge": judge, "optimizer": optimizer, "schedule": schedule}
    done = 0
    if state and state.exists():
        try:
            saved = torch.load(state, weights_only=True)
            for key, part in parts.items():
                part.load_state_dict(saved[key])
            generator.set_state(saved["generator"])
            done = saved["done"]
        except (OSError, EOFError, RuntimeError, UnpicklingError, KeyError, ValueError, TypeError) as error:
            raise UserError(f"{state} is damaged: remove it, and the training starts from the beginning.") from error
    for epoch in range(done, epochs):
        judge.train()
        total = 0.0
        for index in torch.randperm(len(data.images), generator=generator).split(batch):
            if len(index) < batch:
                break
            loss = lesson(judge, unit(data.images[index]), data.labels[index], generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {epochs}: loss {total * epochs / steps:.4f} nats", flush=True)
        if state:
            facts = {"generator": generator.get_state(), "done": epoch + 1}
            torch.save({key: part.state_dict() for key, part in parts.items()} | facts, content := io.BytesIO())
            write(state, content.getvalue())
    return judge.eval()


def digest(data: Dataset) -> str:
    """SHA-256 of the training part: which images and labels, in which order."""
    return hashlib.sha256(data.images.numpy().tobytes() + data.labels.numpy().tobytes()).hexdigest()


def save(judge: Judge, path: Path, metadata: dict[str, str]) -> None:
    """Writes the judge in half precision, whole or not at all."""
    write(path, to_bytes({key: value.contiguous() for key, value in judge.half().state_dict().items()}, metadata))


def read(path: Path) -> Judge:
    """The judge in a file written by `save`, in single precision and with nothing left to learn; UserError where the
    file is damaged."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        judge = Judge(tuple(json.loads(metadata["shape"])), int(metadata["classes"]))
        judge.load_state_dict(load_file(path))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(
            f"{path.name} is damaged: copy it again, or train one with `python -m genmodels.judge`."
        ) from error
    if judge.shape[0] > 1:  # a fifth faster for photographs
        judge.to(memory_format=torch.channels_last)
    return judge.eval().requires_grad_(False)


@cache
def load_judge(name: str) -> Judge:
    """The frozen judge of a data set, from weights/; UserError where there is none."""
    if name == OWN:
        raise UserError("There is no judge of one's own pictures: it would have to know their classes.")
    path = WEIGHTS / f"judge-{name}.safetensors"
    if not path.exists():
        raise UserError(f"{name} has no judge yet: train one with `python -m genmodels.judge {name}`.")
    return read(path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m genmodels.judge", description=__doc__)
    parser.add_argument("dataset", choices=NAMES)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    path = arguments.out or WEIGHTS / f"judge-{arguments.dataset}.safetensors"
    try:
        make(arguments.dataset, arguments.epochs, path)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def make(name: str, epochs: int, path: Path, seed: int = 0) -> None:
    """Trains a judge and writes it to its place; what was cut short goes on."""
    data = load(name)
    check_place(path)
    state = path.with_name(f"{path.name}.{epochs}-epochs")
    judge = train(name, epochs, seed, state)
    metadata = {
        "command": f"python -m genmodels.judge {name} --epochs {epochs}",
        "seed": str(seed),
        "shape": json.dumps(data.shape),
        "classes": str(len(data.classes)),
        "images": str(len(data.images)),
        "digest": digest(data),
    }
    reached = accuracy(judge.half().float(), data.test_images, data.test_labels)  # as it will be read back
    save(judge, path, metadata | {"accuracy": f"{reached:.4f}"})
    state.unlink()
    print(f"{path}: {100 * reached:.2f} % of {len(data.test_images):,} test images right")


if __name__ == "__main__":
    sys.exit(main())
