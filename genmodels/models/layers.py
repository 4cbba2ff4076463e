"""The few layers that models share."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class MLP(nn.Module):
    """Linear layers of the given sizes, each but the last followed by normalisation, activation and dropout.

    Images are flattened on the way in. Dropout draws from the generator given to `forward`, so that a run
    depends on its own seed alone; without a generator, or in eval mode, nothing is dropped.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[], nn.Module] = nn.ReLU,
        norm: Callable[[int], nn.Module] | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.linear = nn.ModuleList(nn.Linear(a, b, bias=True) for a, b in zip(sizes[:-1], sizes[1:], strict=True))
        self.norm = nn.ModuleList(norm(size) for size in sizes[1:-1]) if norm else None
        self.activation = activation()
        self.dropout = dropout

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        x = x.flatten(1)
        for i, linear in enumerate(self.linear[:-1]):
            x = linear(x)
            x = self.activation(self.norm[i](x) if self.norm else x)
            if self.dropout and self.training and generator is not None:
                keep = torch.empty_like(x).bernoulli_(1 - self.dropout, generator=generator)
                x = x * keep / (1 - self.dropout)
        return self.linear[-1](x)


def pyramid(size: int) -> list[int]:
    """Heights of the feature maps when an image is halved again and again: [28, 14, 7] or [32, 16, 8, 4]."""
    sizes = [size]
    while sizes[-1] % 2 == 0 and sizes[-1] > 4:
        sizes.append(sizes[-1] // 2)
    return sizes


def narrowing(width: int, depth: int) -> list[int]:
    """Units of hidden layers that halve away from the image: 512, 256, ..."""
    return [max(8, width >> level) for level in range(depth)]


def channel_norm(kind: str, channels: int) -> nn.Module:
    """Normalisation of feature maps (N, C, H, W): "batch", "instance", "layer" (over C, H, W) or "none"."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.GroupNorm(1, channels) if kind == "layer" else nn.Identity()


def feature_norm(kind: str) -> Callable[[int], nn.Module] | None:
    """Normalisation of vectors (N, F) in an MLP: "batch", "layer" or "none"."""
    return {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "none": None}[kind]


class Downsampler(nn.Module):
    """Strided 4 x 4 convolutions (Radford 2016) from an image to a vector: halves until `pyramid` ends, then one
    convolution over what is left. The first layer has no normalisation; channels double from `width`."""

    def __init__(self, channels: int, size: int, width: int, out: int, activation: nn.Module, norm: str) -> None:
        super().__init__()
        levels = pyramid(size)
        layers, before = [], channels
        for level in range(len(levels) - 1):
            after = width << level
            normalised = norm != "none" and level > 0
            # A batch-normalised layer needs no bias: the mean takes it out again.
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not (normalised and norm == "batch")))
            layers += [channel_norm(norm, after)] if normalised else []
            layers.append(activation)
            before = after
        layers.append(nn.Conv2d(before, out, levels[-1]))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, out)
        return self.layers(x).flatten(1)


class Upsampler(nn.Module):
    """The mirror image of `Downsampler`: transposed convolutions from a vector to an image. The last layer has
    neither normalisation nor activation."""

    def __init__(self, inputs: int, channels: int, size: int, width: int, activation: nn.Module, norm: str) -> None:
        super().__init__()
        levels = pyramid(size)[::-1]
        after = width << (len(levels) - 2)
        bias = norm != "batch"
        layers = [
            nn.ConvTranspose2d(inputs, after, levels[0], bias=bias),
            channel_norm(norm, after),
            activation,
        ]
        for _ in levels[1:-1]:
            before, after = after, after // 2
            layers.append(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=bias))
            layers += [channel_norm(norm, after), activation]
        layers.append(nn.ConvTranspose2d(after, channels, 4, 2, 1))
        self.layers = nn.Sequential(*[layer for layer in layers if not isinstance(layer, nn.Identity)])

    def forward(self, z: Tensor) -> Tensor:  # (N, inputs) -> (N, C, H, W)
        return self.layers(z[:, :, None, None])


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) as rows (N, classes) of zeros with a one."""
    return functional.one_hot(labels, classes).float()


class Encoder(nn.Module):
    """Image (N, C, H, W), and `extra` numbers beside it, to a vector (N, out): fully connected with these hidden
    layers, or convolutional from `channels` up with the extra numbers joining after the convolutions."""

    def __init__(
        self, kind: str, shape: tuple[int, int, int], hidden: list[int], channels: int, out: int, extra: int = 0
    ) -> None:
        super().__init__()
        self.convolutions = None
        inputs = math.prod(shape)
        if kind == "convolutional":
            inputs = channels * 4
            self.convolutions = Downsampler(*shape[:2], channels, inputs, nn.ReLU(), "none")
            hidden = []
        self.connected = MLP([inputs + extra, *hidden, out])

    def forward(self, images: Tensor, extra: Tensor | None = None) -> Tensor:
        x = functional.relu(self.convolutions(images)) if self.convolutions else images.flatten(1)
        return self.connected(x if extra is None else torch.cat([x, extra], 1))


class Decoder(nn.Module):
    """A vector (N, latent), and `extra` numbers beside it, to an image (N, C, H, W): `Encoder` backwards."""

    def __init__(
        self, kind: str, shape: tuple[int, int, int], hidden: list[int], channels: int, latent: int, extra: int = 0
    ) -> None:
        super().__init__()
        self.shape = shape
        if kind == "convolutional":
            self.network = Upsampler(latent + extra, *shape[:2], channels, nn.ReLU(), "none")
        else:
            self.network = MLP([latent + extra, *hidden[::-1], math.prod(shape)])

    def forward(self, z: Tensor, extra: Tensor | None = None) -> Tensor:
        return self.network(z if extra is None else torch.cat([z, extra], 1)).reshape(-1, *self.shape)
