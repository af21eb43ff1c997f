"""The PIADE network behind EfficientNet-Lite0, written plainly in PyTorch, beside `plain_torch.py`.

The encoder of `piade_tf.model.efficientnet_lite0`, batch normalisations folded into the convolutions, to stride 16:
what lies deeper serves scores alone. The weights are random. Symmetric padding, as there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from benchmarks.plain_torch import BehindEncoder, SEBlock

if TYPE_CHECKING:
    from piade_tf.config import NetworkConfig

STEM, ENCODED = 32, 112
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, ENCODED))
# of each: blocks, kernel, stride of the first, expansion, filters


class PretrainedPiade(nn.Module):
    """`(batch, 3, height, width)`, float32 in [0, 1], sides that 32 divides, to the reconstruction."""

    def __init__(self, config: NetworkConfig, height: int, width: int):
        super().__init__()
        self.encoder = nn.Sequential(*convolution(3, STEM, 3, 2))
        before = STEM
        for blocks, kernel, stride, expansion, filters in STAGES:
            for block in range(blocks):
                down = stride if block == 0 else 1
                self.encoder.append(InvertedResidual(before, filters, kernel, down, expansion))
                before = filters
        self.decoder_part = DecoderPart(config, height, width)

    def forward(self, image):
        return self.decoder_part(self.encoder((255 * image - 127) / 128))


class DecoderPart(nn.Module):
    """What is trained: from the encoder's map of stride 16, `(batch, 112, h, w)`, to the reconstruction."""

    def __init__(self, config: NetworkConfig, height: int, width: int):
        super().__init__()
        sizes = [(height // stride, width // stride) for stride in (4, 8, 16, 32)]
        self.excitation = SEBlock(ENCODED, config.ratio)
        self.behind = BehindEncoder(config, ENCODED, sizes, channels=3)

    def forward(self, features):
        return self.behind(self.excitation(features))


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow."""

    def __init__(self, before: int, filters: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = expansion * before
        self.layers = nn.Sequential(*(convolution(before, wide, 1, 1) if expansion > 1 else ()))
        self.layers.extend(convolution(wide, wide, kernel, stride, groups=wide))
        self.layers.append(nn.Conv2d(wide, filters, 1))
        self.adds = stride == 1 and before == filters

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


def convolution(before: int, filters: int, kernel: int, stride: int, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    """With its activation."""
    return nn.Conv2d(before, filters, kernel, stride, kernel // 2, groups=groups), nn.ReLU6()
