"""The PIADE network, its loss and its training loop, written plainly in PyTorch.

The same layers, widths and numbers of weights as `piade_tf.model.network` builds for a preset, so that a
training step of one can be measured beside a training step of the other. Modules are what one would
write by hand: NCHW, eager, float32, symmetric padding. Where TensorFlow's SAME pads a strided
convolution by one more pixel below and at the right (3x3 on an even side, the 7x7 stem), the
windows here lie one pixel further up and left: the maps have the same sizes and the work is the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:  # it runs where nothing of this project is installed
    from piade_tf.config import LossConfig, NetworkConfig

BLOCKS_PER_STAGE = 2  # of a ResNet-18
BATCH_NORM = {"eps": 1e-3, "momentum": 0.1}  # as Keras has them; its momentum is 1 - momentum
COSINE_STEPS = 750  # what a training of the default length comes to


class Piade(nn.Module):
    """The network of a configuration of depth 18: an image in, its reconstruction out.

    Args:
        config: the shape of the network, with all that it leaves open filled in: `config.for_image(height, width)`.
        height, width: size of the images, multiples of the stem's stride.
        channels: of the images.

    Input and output: `(batch, channels, height, width)`, float32.
    """

    def __init__(self, config: NetworkConfig, height: int, width: int, channels: int):
        super().__init__()
        kernel, stride, widths = config.stem_kernel, config.stem_stride, config.widths
        if config.depth != 18 or height % stride or width % stride:
            raise ValueError(
                f"expected depth 18 and sides that {stride} divides, got depth {config.depth}, {height}x{width}"
            )
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], kernel, stride, (kernel - stride + 1) // 2, bias=False),
            nn.BatchNorm2d(widths[0], **BATCH_NORM),
            nn.ReLU(),
        )
        size, sizes, before = (height // stride, width // stride), [], widths[0]
        self.blocks = nn.Sequential()
        for stage, filters in enumerate(widths):
            for block in range(BLOCKS_PER_STAGE):
                down = 2 if stage > 0 and block == 0 else 1
                self.blocks.append(ResidualBlock(before, filters, down, config))
                before, size = filters, (math.ceil(size[0] / down), math.ceil(size[1] / down))
            sizes.append(size)
        self.behind = BehindEncoder(config, before, sizes, channels)

    def forward(self, image):
        return self.behind(self.blocks(self.stem(image)))


class BehindEncoder(nn.Module):
    """Pyramid, routing and decoder: `(batch, encoded, height, width)`, what an encoder made, to the reconstruction.

    Args:
        config: as `Piade` takes it.
        encoded: channels of what the encoder made.
        sizes: of the decoder's maps, the finest first, the last of them the one that it starts from.
        channels: of the images.
    """

    def __init__(self, config: NetworkConfig, encoded: int, sizes: list[tuple[int, int]], channels: int):
        super().__init__()
        self.pyramid = PyramidPooling(encoded, config)
        self.routing = DynamicRouting(self.pyramid.capsules(encoded), config)
        first, units, stride = config.decoder_widths[0], config.vector_dim, config.stem_stride
        self.decoder_input = (first, *sizes[-1])
        self.upsampling = nn.Sequential()
        normalized = config.upsampling_norm == "batch"
        for out in (*config.upsampling, math.prod(self.decoder_input)):
            self.upsampling.append(nn.Linear(units, out, bias=not normalized))
            if normalized:
                self.upsampling.append(nn.BatchNorm1d(out, **BATCH_NORM))
            self.upsampling.append(nn.ReLU())
            units = out
        self.skip = config.skip
        before = first + encoded if config.skip else first
        self.decoder = nn.Sequential()
        for filters, size in zip(config.decoder_widths[1:], sizes[-2::-1], strict=True):
            self.decoder.extend(
                [
                    nn.ConvTranspose2d(before, filters, 4, stride=2, padding=1, bias=False),
                    Crop(*size),
                    nn.BatchNorm2d(filters, **BATCH_NORM),
                    nn.ReLU(),
                ]
            )
            before = filters
        self.decoder.append(nn.ConvTranspose2d(before, channels, 2 * stride, stride=stride, padding=stride // 2))
        self.decoder.append(nn.Tanh() if config.output_activation == "tanh" else nn.Sigmoid())

    def forward(self, features):
        vectors = self.routing(self.pyramid(features))
        x = self.upsampling(longest(vectors)).view(-1, *self.decoder_input)
        if self.skip:
            x = torch.cat([x, features], dim=1)
        return self.decoder(x)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, Squeeze-and-Excitation, and a shortcut around them."""

    def __init__(self, before: int, filters: int, stride: int, config: NetworkConfig):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(before, filters, 3, stride, 1, bias=False),
            nn.BatchNorm2d(filters, **BATCH_NORM),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False),
            nn.BatchNorm2d(filters, **BATCH_NORM),
            SEBlock(filters, config.ratio) if config.squeeze_excitation else nn.Identity(),
        )
        self.shortcut = nn.Identity()
        if stride > 1 or before != filters:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, filters, 1, stride, bias=False), nn.BatchNorm2d(filters, **BATCH_NORM)
            )

    def forward(self, x):
        return F.relu(self.shortcut(x) + self.residual(x))


class SEBlock(nn.Module):
    """One weight for each channel, read off the averaged map."""

    def __init__(self, channels: int, ratio: int):
        super().__init__()
        self.squeeze = nn.Linear(channels, max(1, channels // ratio))
        self.excite = nn.Linear(self.squeeze.out_features, channels)

    def forward(self, x):
        weights = self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3)))))
        return x * torch.sigmoid(weights)[:, :, None, None]


class PyramidPooling(nn.Module):
    """`(batch, channels, height, width)` to `(batch, capsules, capsule_dim)`."""

    def __init__(self, channels: int, config: NetworkConfig):
        super().__init__()
        self.capsule_dim = config.capsule_dim
        self.sides = [m if config.grid else 1 for m in config.magnifications]
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels // m, 1, bias=False),
                nn.BatchNorm2d(channels // m, **BATCH_NORM),
                nn.ReLU(),
            )
            for m in config.magnifications
        )

    def capsules(self, channels: int) -> int:
        """How many capsules there are."""
        values = (side**2 * level[0].out_channels for side, level in zip(self.sides, self.levels, strict=True))
        return sum(values) // self.capsule_dim

    def forward(self, features):
        levels = [
            level(F.adaptive_avg_pool2d(features, side))
            .permute(0, 2, 3, 1)
            .reshape(len(features), -1, self.capsule_dim)
            for side, level in zip(self.sides, self.levels, strict=True)
        ]
        return torch.cat(levels, dim=1)


class DynamicRouting(nn.Module):
    """`(batch, capsules, capsule_dim)` to `(batch, num_vectors, vector_dim)`, gradients through the last iteration."""

    def __init__(self, capsules: int, config: NetworkConfig):
        super().__init__()
        self.shape, self.iterations = (config.num_vectors, config.vector_dim), config.iterations
        self.weight = nn.Parameter(0.01 * torch.randn(capsules, config.capsule_dim, math.prod(self.shape)))

    def forward(self, capsules):
        predictions = torch.einsum("bcd,cde->bce", capsules, self.weight).unflatten(2, self.shape)
        constant = predictions.detach()
        agreements = torch.zeros_like(constant[..., :1])
        for _ in range(self.iterations - 1):
            vectors = squash((agreements.softmax(dim=2) * constant).sum(dim=1, keepdim=True))
            agreements = agreements + (constant * vectors).sum(dim=-1, keepdim=True)
        return squash((agreements.softmax(dim=2) * predictions).sum(dim=1))


class Crop(nn.Module):
    """The upper left part of a map."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x):
        return x[:, :, : self.height, : self.width]


class ReconstructionLoss(nn.Module):
    """Mean squared error and 1 - SSIM, weighted, over a batch of images with that many channels."""

    def __init__(self, config: LossConfig, channels: int):
        super().__init__()
        self.mse, self.ssim, self.maps = config.mse, config.ssim, 4 * channels
        offsets = torch.arange(config.ssim_window) - (config.ssim_window - 1) / 2
        window = torch.exp(-(offsets**2) / (2 * 1.5**2))
        self.register_buffer("window", (window / window.sum()).expand(self.maps, 1, 1, -1).contiguous())

    def forward(self, images, reconstructions):
        similarity = self.ssim_map(images, reconstructions).mean()
        return self.mse * F.mse_loss(reconstructions, images) + self.ssim * (1 - similarity)

    def ssim_map(self, a, b):
        maps = torch.cat([a, b, a * a + b * b, a * b], dim=1)
        maps = F.conv2d(F.conv2d(maps, self.window, groups=self.maps), self.window.mT, groups=self.maps)
        mean_a, mean_b, squares, product = maps.chunk(4, dim=1)
        luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
        covariance, variances = product - mean_a * mean_b, squares - mean_a**2 - mean_b**2
        return luminance * (2 * covariance + 0.03**2) / (variances + 0.03**2)


class TrainingLoop:
    """One step of Adam after the other, along a cosine to zero.

    Args:
        model, loss: what is trained, and on what.
        learning_rate: the first.
    """

    def __init__(self, model: nn.Module, loss: nn.Module, learning_rate: float, noise: float):
        self.model, self.loss, self.noise = model.train(), loss, noise
        self.optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, eps=1e-7)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, COSINE_STEPS)

    def step(self, images, features=None) -> float:
        """Learns from `(batch, channels, height, width)`, float32 in [0, 1]; returns the loss.

        With `features` the model takes those, of a frozen encoder, and no noise is added.
        """
        self.optimizer.zero_grad()
        seen = images + self.noise * torch.randn_like(images) if features is None else features
        loss = self.loss(images, self.model(seen))
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.item()


def squash(vectors):
    """Shortens vectors to a length below 1 (Sabour et al. 2017, equation 1)."""
    squared_length = vectors.square().sum(dim=-1, keepdim=True)
    return vectors * torch.sqrt(squared_length + 1e-12) / (1 + squared_length)


def longest(vectors):
    """The longest of the vectors, by a mask: `(batch, k, d)` to `(batch, d)`."""
    mask = F.one_hot(vectors.norm(dim=-1).argmax(dim=1), vectors.shape[1])
    return (vectors * mask[:, :, None]).sum(dim=1)
