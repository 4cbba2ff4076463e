"""What the conditional models with a projection discriminator share: spectral and conditional norms, self-attention,
residual networks that halve or double an image, and orthogonal weights."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from genmodels.models.layers import one_hot, pyramid

Weighted = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def weighted(network: nn.Module) -> Iterator[Weighted]:
    """Every convolution and linear layer of a network."""
    return (layer for layer in network.modules() if isinstance(layer, Weighted))


def side(layer: nn.Module) -> int:
    """Which dimension of a layer's weight counts its outputs."""
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0


def matrix(weight: Tensor, outputs: int) -> Tensor:
    """A weight of any layer as a matrix, one row an output."""
    return weight.transpose(0, outputs).flatten(1)


def learned(layer: nn.Module) -> Tensor:
    """The weight that an optimiser moves, before any spectral normalisation."""
    return layer.parametrizations.weight.original if parametrize.is_parametrized(layer) else layer.weight


class SpectralNorm(nn.Module):
    """W / sigma(W): the weight with its largest singular value 1 (Miyato 2018, equation 8 and algorithm 1).

    One step of the power iteration a forward pass, where the weight itself is learning: never in eval mode, nor for a
    player who stands still. The vector is normalised wherever it is used, for an average of vectors is shorter.
    """

    def __init__(self, weight: Tensor, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        inputs = matrix(weight, outputs).shape[1]
        self.register_buffer("vector", functional.normalize(torch.randn(inputs), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        rows = matrix(weight, self.outputs)
        # Sums of products, for under autocast a matrix product would lose the digits that the iteration gains.
        if self.training and weight.requires_grad:
            with torch.no_grad():
                images = (rows * self.vector).sum(1)
                self.vector.copy_(functional.normalize((rows * images[:, None]).sum(0), dim=0))
        return weight / (rows * functional.normalize(self.vector, dim=0)).sum(1).norm()


def spectral(network: nn.Module) -> nn.Module:
    """Spectral norm for every layer of a network but those that make the gains of its batch norms."""
    free = {layer for norm in network.modules() if isinstance(norm, ConditionalNorm) for layer in norm.modules()}
    for layer in [*weighted(network), *(m for m in network.modules() if isinstance(m, nn.Embedding))]:
        if layer not in free:
            parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, side(layer)))
    return network


@torch.no_grad()
def orthogonal(network: nn.Module) -> nn.Module:
    """Orthonormal rows, or columns where they are fewer, for every weight (Saxe 2014; Brock 2019, appendix C.1)."""
    for layer in weighted(network):
        shape = matrix(layer.weight, side(layer)).shape
        rows = nn.init.orthogonal_(torch.empty(shape, dtype=torch.double))  # same for any number of threads
        layer.weight.copy_(rows.view_as(layer.weight.transpose(0, side(layer))).transpose(0, side(layer)))
    return network


def skewness(network: nn.Module) -> Tensor:
    """Sum over a network's weights of ||W'W o (1 - I)||_F^2 (Brock 2019, equation 3), W' W taken on the shorter side,
    where it can be diagonal: 0 where no two filters look at the same."""
    total = torch.zeros((), device=next(network.parameters()).device)
    for layer in weighted(network):
        rows = matrix(learned(layer), side(layer))
        rows = rows if len(rows) <= rows.shape[1] else rows.T
        gram = rows @ rows.T
        total = total + gram.square().sum() - gram.diagonal().square().sum()
    return total


class ConditionalNorm(nn.Module):
    """Batch norm whose gains and shifts are a linear function of what it is told, (N, told) (de Vries 2017)."""

    def __init__(self, channels: int, told: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gains = nn.Linear(told, 2 * channels, bias=False)
        nn.init.normal_(self.gains.weight, 0.0, 0.02)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        gain, shift = self.gains(told)[:, :, None, None].chunk(2, 1)
        return self.norm(x) * (1 + gain) + shift


class SelfAttention(nn.Module):
    """y = x + gamma o, each position of o a mean of values at all positions (Zhang 2019, equations 1 to 3).

    Queries and keys have an eighth of the channels, values a half; gamma starts at 0: local features come first.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        few, half = max(1, channels // 8), channels // 2
        self.query = nn.Conv2d(channels, few, 1, bias=False)
        self.key = nn.Conv2d(channels, few, 1, bias=False)
        self.value = nn.Conv2d(channels, half, 1, bias=False)
        self.out = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def weights(self, x: Tensor) -> Tensor:
        """How much each position (row) takes from each other (column), (N, H * W, H * W); rows sum to 1."""
        queries, keys = self.query(x).flatten(2), self.key(x).flatten(2)
        return (queries.transpose(1, 2) @ keys).softmax(2)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> the same
        gathered = self.value(x).flatten(2) @ self.weights(x).transpose(1, 2)
        return x + self.gamma * self.out(gathered.view(len(x), -1, *x.shape[2:]))


class UpBlock(nn.Module):
    """Norm, ReLU, transposed convolution, norm, ReLU, convolution; past them the input, doubled in size."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([ConditionalNorm(inputs, told), ConditionalNorm(outputs, told)])
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        self.mix = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.past = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:  # (N, C, H, W) -> (N, outputs, 2 H, 2 W)
        h = self.up(functional.relu(self.norms[0](x, told)))
        h = self.mix(functional.relu(self.norms[1](h, told)))
        return h + functional.interpolate(self.past(x), scale_factor=2)


class DownBlock(nn.Module):
    """ReLU, convolution, ReLU, strided convolution; past them the input, halved by averages of 2 x 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.down = nn.Conv2d(inputs, outputs, 4, 2, 1)
        self.past = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, outputs, H / 2, W / 2)
        h = self.down(functional.relu(self.mix(functional.relu(x))))
        return h + self.past(functional.avg_pool2d(x, 2))


class Generator(nn.Module):
    """Latents (N, latent) and labels (N,) to images (N, C, H, W) before tanh; `width` channels at half the size.

    The last layer alone works at full size, where convolutions cost most. With `embedding` numbers for a class, shared
    by all norms, each block is told these and its own chunk of z (Brock 2019, figure 15); without, the class alone.
    """

    def __init__(
        self,
        latent: int,
        classes: int,
        shape: tuple[int, int, int],
        width: int,
        attends: bool = False,
        embedding: int = 0,
    ) -> None:
        super().__init__()
        channels, size, _ = shape
        sizes = pyramid(size)[::-1]
        widths = [width << level for level in range(max(1, len(sizes) - 1))][::-1]
        self.classes, self.embedding = classes, nn.Embedding(classes, embedding) if embedding else None
        chunks = [len(part) for part in torch.arange(latent).tensor_split(len(widths) if embedding else 1)]
        told = [embedding + chunk for chunk in chunks[1:]] or [classes] * (len(widths) - 1)
        self.chunks, self.start = chunks, (widths[0], sizes[0], sizes[0])
        self.stem = nn.Linear(chunks[0], widths[0] * sizes[0] ** 2, bias=False)
        blocks = zip(widths[:-1], widths[1:], told, strict=True)
        self.blocks = nn.ModuleList(UpBlock(*block) for block in blocks)
        self.attention = SelfAttention(width) if attends else None
        self.norm = nn.BatchNorm2d(width)
        self.out = nn.ConvTranspose2d(width, channels, 4, 2, 1)

    def features(self, z: Tensor, labels: Tensor) -> Tensor:
        """The maps (N, width, H / 2, W / 2) before attention."""
        if self.embedding is None:
            told = [one_hot(labels, self.classes)] * len(self.blocks)
        else:
            z, *chunks = z.split(self.chunks, 1)
            told = [torch.cat([self.embedding(labels), chunk], 1) for chunk in chunks]
        x = self.stem(z).view(-1, *self.start)
        for block, facts in zip(self.blocks, told, strict=True):
            x = block(x, facts)
        return x

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = self.features(z, labels)
        x = self.attention(x) if self.attention else x
        return self.out(functional.relu(self.norm(x)))


class Discriminator(nn.Module):
    """Images (N, C, H, W) and labels (N,) to scores (N,): psi(phi(x)) + <v_y, phi(x)> (Miyato & Koyama 2018, equation
    8), phi a vector of all that the convolutions found; `width` channels at half the size."""

    def __init__(self, classes: int, shape: tuple[int, int, int], width: int, attends: bool = False) -> None:
        super().__init__()
        channels, size, _ = shape
        sizes = pyramid(size)
        self.stem = nn.Conv2d(channels, width, 4, 2, 1)
        layers = [DownBlock(width << level, width << level + 1) for level in range(len(sizes) - 2)]
        features = (width << len(layers)) * sizes[-1] ** 2
        if attends:  # at a quarter of the size: the weights of n positions are n^2, and three passes go through here
            layers.insert(1, SelfAttention(2 * width))
        self.blocks = nn.Sequential(*layers)
        self.psi = nn.Linear(features, 1, bias=False)  # between the margins of the hinge a constant cancels
        self.label = nn.Embedding(classes, features)
        nn.init.normal_(self.label.weight, 0.0, 0.02)  # a small weight turns faster under its spectral norm

    def phi(self, images: Tensor) -> Tensor:
        """Features (N, F)."""
        return functional.relu(self.blocks(self.stem(images))).flatten(1)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        phi = self.phi(images)
        return self.psi(phi).squeeze(1) + (self.label(labels) * phi).sum(1)
