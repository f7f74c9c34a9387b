"""A plain pre-norm vision transformer: pixels to one feature per patch.

Source: Dosovitskiy et al. 2021, arXiv 2010.11929, without the class token.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agentmm.model.config import MultimodalConfig


class Block(nn.Module):
    """Self-attention and feed-forward, each after a LayerNorm and added to its input: [N, P, C] -> [N, P, C]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """One block, no mask."""
        batch, patches, width = x.shape
        # queries, keys and values: [3, N, heads, P, C / heads]
        qkv = self.qkv(self.norm1(x)).view(batch, patches, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]).transpose(1, 2).reshape(batch, patches, width)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class ViT(nn.Module):
    """[N, 3, S, S] pixels in -1..1 -> [N, P, C] patch features in raster order, P = (S / patch)^2."""

    def __init__(self, image_size: int, patch_size: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.width, self.grid = width, image_size // patch_size
        self.patch = nn.Conv2d(3, width, patch_size, stride=patch_size)
        self.position = nn.Parameter(torch.empty(1, self.grid**2, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features of the last layer, normalised."""
        x = self.patch(pixels).flatten(2).transpose(1, 2) + self.position  # [N, P, C]
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def build(config: MultimodalConfig) -> ViT:
    """The encoder that `config.components` describes."""
    sizes = {key: value for key, value in config.components["encoder"].items() if key != "name"}
    return ViT(**sizes)
