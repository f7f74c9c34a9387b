"""One token at a time through a Qwen3-shaped decoder: the same numbers as its `forward`, with less work around them.

A small decoder spends most of a step in Python: modules, masks, cache objects. Here the weights of a layer are four
matrices (projections side by side, the norms before them folded in), and keys and values lie in buffers that grow in
place. `benchmarks/bench_decode.py` compares it with transformers' `generate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, rms_norm, silu


class _Layer(NamedTuple):
    """Weights of one layer: H query heads, G key-value heads of width W; D of the stream, F of the inner MLP.

    Attributes:
        qkv: [(H + 2 G) W, D], with the norm before it.
        scale: [H + G, W], weights of the norms of queries and keys.
        out: [D, H W], transposed for `addmm`: [H W, D].
        gate_up: [2 F, D], with the norm before it.
        down: [F, D], transposed for `addmm`.
    """

    qkv: Tensor
    scale: Tensor
    out: Tensor
    gate_up: Tensor
    down: Tensor


class SingleSteps:
    """Steps of one token through a decoder whose weights it has folded; made by `of`."""

    def __init__(self, decoder: Any) -> None:
        config, body = decoder.config, decoder.model
        self.decoder, self._made_of = decoder, _versions(decoder)
        self.heads, self.groups, self.width = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.eps, self.positions = config.rms_norm_eps, config.max_position_embeddings
        with torch.no_grad():
            self._layers = [self._folded(layer) for layer in body.layers]
            self._head = decoder.lm_head.weight * body.norm.weight
            table = body.rotary_emb(self._head, torch.arange(self.positions, device=self._head.device)[None])
            self._cos, sin = (part[0] for part in table)
            half = self.width // 2
            self._sin = torch.cat((-sin[:, :half], sin[:, half:]), dim=1)

    @classmethod
    def of(cls, decoder: Any) -> SingleSteps | None:
        """Steps through a decoder; None for one of another shape or precision, or with adapters in it."""
        config: Any = getattr(decoder, "config", None)
        if getattr(config, "model_type", "") != "qwen3" or config.attention_bias or config.use_sliding_window:
            return None
        plain = all(parameter.dtype == torch.float32 for parameter in decoder.parameters())
        linears = [module for module in decoder.modules() if "Linear" in type(module).__name__]
        adapted = any(type(module) is not nn.Linear or hasattr(module, "base_layer") for module in linears)
        return cls(decoder) if plain and not adapted and config.hidden_act == "silu" else None

    @property
    def current(self) -> bool:
        """Whether the decoder's weights are still those that were folded."""
        return self._made_of == _versions(self.decoder)

    def begin(self, layers: Sequence[tuple[Tensor, Tensor]], room: int) -> Running:
        """Go on after keys and values.

        Args:
            layers: per layer keys and values, each [1, G, T, W].
            room: most tokens that will be fed.
        """
        return Running(self, layers, room)

    def _folded(self, layer: Any) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        projections = [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]
        scale = [attention.q_norm.weight] * self.heads + [attention.k_norm.weight] * self.groups
        return _Layer(
            torch.cat(projections) * layer.input_layernorm.weight,
            torch.stack(scale),
            attention.o_proj.weight.t().contiguous(),
            torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]) * layer.post_attention_layernorm.weight,
            mlp.down_proj.weight.t().contiguous(),
        )


class Running:
    """One sequence on its way; keys and values are in buffers with room for what comes."""

    def __init__(self, steps: SingleSteps, layers: Sequence[tuple[Tensor, Tensor]], room: int) -> None:
        self._steps, self.length = steps, layers[0][0].shape[2]
        self._buffers = [_roomy(torch.cat((keys, values)), room) for keys, values in layers]

    def step(self, embedding: Tensor) -> Tensor:
        """Feed one token's embedding [D]; returns the logits [V] after it."""
        own, at = self._steps, self.length
        heads, groups, width = own.heads, own.groups, own.width
        stream, cos, sin = embedding[None], own._cos[at], own._sin[at]
        for layer, buffer in zip(own._layers, self._buffers, strict=True):
            qkv = linear(_normed(stream, own.eps), layer.qkv).view(heads + 2 * groups, width)
            turned = _normed(qkv[: heads + groups], own.eps) * layer.scale
            swapped = turned.view(-1, 2, width // 2).flip(1).view(-1, width)
            turned = torch.addcmul(turned * cos, swapped, sin)
            buffer[0, :, at] = turned[heads:]
            buffer[1, :, at] = qkv[heads + groups :]
            keys, values = buffer[:, :, : at + 1]
            scores = torch.bmm(turned[:heads].view(groups, -1, width), keys.transpose(1, 2)) * width**-0.5
            seen = torch.bmm(scores.softmax(-1), values)
            stream = torch.addmm(stream, seen.view(1, -1), layer.out)
            gate, up = linear(_normed(stream, own.eps), layer.gate_up).chunk(2, dim=1)
            stream = torch.addmm(stream, silu(gate) * up, layer.down)
        self.length += 1
        return linear(_normed(stream, own.eps), own._head)[0]

    @property
    def layers(self) -> list[tuple[Tensor, Tensor]]:
        """Per layer keys and values so far, each [1, G, T, W], in memory of their own: a buffer has room to spare."""
        taken = [buffer[:, :, : self.length].clone() for buffer in self._buffers]
        return [(pair[:1], pair[1:]) for pair in taken]


def _normed(x: Tensor, eps: float) -> Tensor:
    """RMSNorm without weights, over the last axis."""
    return rms_norm(x, x.shape[-1:], eps=eps)


def _roomy(pair: Tensor, room: int) -> Tensor:
    """Keys and values [2, G, T, W] in a buffer [2, G, T + room, W]."""
    buffer = pair.new_empty(2, pair.shape[1], pair.shape[2] + room, pair.shape[3])
    buffer[:, :, : pair.shape[2]] = pair
    return buffer


def _versions(decoder: Any) -> tuple[tuple[int, int], ...]:
    """Where the weights lie and how often they were changed."""
    return tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in decoder.parameters())
