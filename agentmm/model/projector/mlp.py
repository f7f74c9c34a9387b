"""Two-layer perceptron over patches joined 2x2: a quarter of the tokens at the decoder's width."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from agentmm.model.config import MultimodalConfig


class MLPProjector(nn.Module):
    """[N, P, C] -> [N, Q, D], Q = P / merge^2: neighbours are joined along the width, then projected."""

    def __init__(self, width_in: int, width_out: int, merge: int, grid: int) -> None:
        super().__init__()
        self.merge, self.grid = merge, grid
        self.up = nn.Linear(width_in * merge * merge, width_out)
        self.down = nn.Linear(width_out, width_out)

    def forward(self, features: Tensor) -> Tensor:
        """Projected tokens, raster order of the merged grid."""
        return self.down(F.gelu(self.up(self.join(features))))

    def join(self, features: Tensor) -> Tensor:
        """[N, P, C] -> [N, Q, m*m*C]; inside a token the m x m neighbours stand in raster order."""
        batch, _, width = features.shape
        side, merge = self.grid // self.merge, self.merge
        tiles = features.view(batch, side, merge, side, merge, width).transpose(2, 3)  # [N, side, side, m, m, C]
        return tiles.reshape(batch, side * side, merge * merge * width)


def build(config: MultimodalConfig) -> MLPProjector:
    """The projector that `config.components` describes, between the encoder's and the decoder's widths."""
    encoder, merge = config.components["encoder"], config.components["projector"]["merge"]
    grid = encoder["image_size"] // encoder["patch_size"]
    return MLPProjector(encoder["width"], config.text_config.hidden_size, merge, grid)
