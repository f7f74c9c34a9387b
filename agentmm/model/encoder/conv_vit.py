"""A vision transformer behind a stem of strided convolutions: learns from tens of thousands of pictures, not millions.

Source: Xiao et al. 2021, "Early convolutions help transformers see better", arXiv 2106.14881.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from agentmm.errors import ConfigError
from agentmm.model.config import MultimodalConfig
from agentmm.model.encoder.vit import Block


class ConvViT(nn.Module):
    """[N, 3, S, S] pixels in -1..1 -> [N, P, C] features in raster order, P = (S / 2^len(stem))^2.

    Args:
        image_size: S, px.
        patch_size: px that one feature stands for along a side; each step of the stem halves the picture.
        width: C.
        layers: transformer blocks after the stem.
        heads: of each block.
        stem: channels after each 3x3 convolution of stride 2.

    Raises:
        ConfigError: the stem's steps do not come to the patch size.
    """

    def __init__(
        self, image_size: int, patch_size: int, width: int, layers: int, heads: int, stem: Sequence[int]
    ) -> None:
        super().__init__()
        if 2 ** len(stem) != patch_size:
            raise ConfigError("the stem does not fit patch_size", got=list(stem), expected=f"2^steps = {patch_size}")
        self.width, self.grid = width, image_size // patch_size
        steps: list[nn.Module] = []
        for before, after in zip((3, *stem), stem, strict=False):
            steps += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(1, after), nn.GELU()]
        self.stem = nn.Sequential(*steps, nn.Conv2d(stem[-1], width, 1))
        self.position = nn.Parameter(torch.empty(1, self.grid**2, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features of the last layer, normalised."""
        seen = self.stem(pixels.contiguous(memory_format=torch.channels_last))
        x = seen.flatten(2).transpose(1, 2) + self.position  # [N, P, C]
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def build(config: MultimodalConfig) -> ConvViT:
    """The encoder that `config.components` describes."""
    sizes = {key: value for key, value in config.components["encoder"].items() if key != "name"}
    return ConvViT(**sizes)
