"""Tokens of one or many sequences through a Qwen3-shaped decoder: the numbers of its `forward`, less work around them.

A small decoder spends a step on bringing its weights from memory and on Python: modules, masks, cache objects. Here the
weights of a layer are four matrices (projections side by side, in float16 if that loses nothing), keys and values lie
in one buffer that grows in place, and all tokens of a pass (prompts, or last ones with guesses) share one reading of
the weights.
`benchmarks/bench_decode.py` compares it with transformers' `generate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, scaled_dot_product_attention, silu

from agentmm.model.captured import Captured, attended, kernels
from agentmm.model.lanes import in_lanes, shares, threads

Matrix = Callable[[Tensor], Tensor]
"""Multiplies [T, D] by weights."""

LANE_WORK = 2**29
"""Fewest multiplications by weights of a lane: with fewer, a pass waits for memory or for Python, in lanes too."""

FEW = 16
"""So many queries and fewer attend in one thread: in more, the library adds up in another order (seen up to 8)."""

ONE_THREAD = 2**24
"""Most parameters of a decoder that one thread steps through as fast as several."""

_ON_A_GPU = (torch.float32, torch.float16, torch.bfloat16)

_AS_THEY_ARE = nullcontext()


class _Layer(NamedTuple):
    """Weights of one layer: H query heads, G key-value heads of width W; D of the stream, F of the inner MLP.

    Attributes:
        qkv: to [(H + 2 G) W] of D.
        out: to D of [H W].
        gate_up: to [2 F] of D.
        down: to D of F.
        before: [D], weights of the norm before attention; `between` of that before the MLP.
        heads: [H + G, W], weights of the norms of queries and keys.
    """

    qkv: Matrix
    out: Matrix
    gate_up: Matrix
    down: Matrix
    before: Tensor
    between: Tensor
    heads: Tensor


class Steps:
    """Steps through a decoder whose weights it has rearranged; made by `of`.

    A norm over n numbers is x / sqrt(|x|^2 + n eps) here; its factor sqrt(n) is folded into the weights behind it.

    Attributes:
        precision: of the weights as they are given, and of keys and values.
        captured: takes the steps of sequences on a GPU; None elsewhere.
    """

    def __init__(self, decoder: Any) -> None:
        config, body = decoder.config, decoder.model
        self.decoder, self._made_of = decoder, _versions(decoder)
        self.precision: torch.dtype = body.embed_tokens.weight.dtype
        self.heads, self.groups, self.width = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.parameters = sum(parameter.numel() for parameter in decoder.parameters())
        self._small = self.parameters <= ONE_THREAD and not body.embed_tokens.weight.is_cuda
        with torch.no_grad(), self.own_threads():
            self.embeddings, self.head = body.embed_tokens.weight.detach(), matrix(decoder.lm_head.weight)
            self.last = body.norm.weight.float() * config.hidden_size**0.5
            self.layers = [self._folded(layer) for layer in body.layers]
            self._floors = [self.last.new_tensor(n * config.rms_norm_eps).sqrt() for n in (len(self.last), self.width)]
            table = body.rotary_emb(
                self.last, torch.arange(config.max_position_embeddings, device=self.last.device)[None]
            )
            cos, sin = (part[0, :, None] for part in table)
            half = self.width // 2
            self.turns = cos, torch.cat((-sin[..., :half], sin[..., half:]), dim=-1)
        self.eps: float = config.rms_norm_eps
        self.captured = Captured(self) if self.last.is_cuda else None

    @classmethod
    def of(cls, decoder: Any) -> Steps | None:
        """Steps through a decoder; None for one of another shape or precision, or with adapters in it.

        In half precision a decoder has steps on a GPU alone: keys, values and what meets weights are then rounded to
        it, all else is in float32.
        """
        config: Any = getattr(decoder, "config", None)
        if getattr(config, "model_type", "") != "qwen3" or config.attention_bias or config.use_sliding_window:
            return None
        kinds = {(parameter.dtype, parameter.is_cuda) for parameter in decoder.parameters()}
        plain = len(kinds) == 1 and kinds <= {(torch.float32, False), *((kind, True) for kind in _ON_A_GPU)}
        linears = [module for module in decoder.modules() if "Linear" in type(module).__name__]
        adapted = any(type(module) is not nn.Linear or hasattr(module, "base_layer") for module in linears)
        return cls(decoder) if plain and not adapted and config.hidden_act == "silu" else None

    @property
    def lanes(self) -> int:
        """Most parts of a pass that go side by side: as many as torch has threads; one on a device."""
        return torch.get_num_threads() if self.last.device.type == "cpu" else 1

    @property
    def current(self) -> bool:
        """Whether the decoder's weights are still those that were rearranged."""
        return self._made_of == _versions(self.decoder)

    def own_threads(self) -> AbstractContextManager[None]:
        """One thread meanwhile where the decoder is small and on the processor: more gain it nothing.

        On a busy machine they cost it much: they meet some thirty times a step, and each time wait for the scheduler.
        """
        return threads(1) if self._small else nullcontext()

    def begin(self, layers: Sequence[tuple[Tensor, Tensor]], room: int) -> Running:
        """Go on after keys and values.

        Args:
            layers: per layer keys and values, each [1, G, T, W]; none to begin with nothing.
            room: most tokens that will be fed.
        """
        return Running(self, layers, room)

    def roomy(self, layers: Sequence[tuple[Tensor, Tensor]], length: int) -> Tensor:
        """Keys and values, each [1, G, T, W] a layer, at the beginning of one buffer [L, 2, G, length, W]."""
        shape = len(self.layers), 2, self.groups, length, self.width
        buffer = self.last.new_empty(shape, dtype=self.precision)
        for (keys, values), place in zip(layers, buffer, strict=bool(layers)):
            torch.cat((keys, values), out=place[:, :, : keys.shape[2]])
        return buffer

    def embedded(self, rows: Sequence[Sequence[int] | Tensor]) -> Tensor:
        """Tokens, or embeddings [T, D], of several sequences one below the other."""
        device = self.embeddings.device
        if any(isinstance(row, Tensor) for row in rows):
            given = [row if isinstance(row, Tensor) else self.embedded([row]) for row in rows]
            return _beside(given).float()
        tokens = torch.tensor([token for row in rows for token in row], device=device)
        return embedding(tokens, self.embeddings).float()

    def _folded(self, layer: Any) -> _Layer:
        attention, mlp, root = layer.self_attn, layer.mlp, len(self.last) ** 0.5
        heads = [attention.q_norm.weight] * self.heads + [attention.k_norm.weight] * self.groups
        return _Layer(
            matrix(attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight),
            matrix(attention.o_proj.weight),
            matrix(mlp.gate_proj.weight, mlp.up_proj.weight),
            matrix(mlp.down_proj.weight),
            layer.input_layernorm.weight.float() * root,
            layer.post_attention_layernorm.weight.float() * root,
            torch.stack(heads).float() * self.width**0.5,
        )


class Running:
    """One sequence on its way; keys and values are in a buffer [L, 2, G, T + room, W] with room for what comes.

    Attributes:
        own: whether that buffer is its alone to the end; not where its steps are captured: there rows go round.
    """

    def __init__(self, steps: Steps, layers: Sequence[tuple[Tensor, Tensor]], room: int) -> None:
        self.steps, self.length = steps, layers[0][0].shape[2] if layers else 0
        self._buffer, self.own = steps.roomy(layers, self.length + room), steps.captured is None

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Feed the next T tokens; returns the logits [T, V] after each."""
        return together([(self, tokens)])[0]

    def keep(self, length: int) -> None:
        """Forget what was fed after the first `length` tokens."""
        self.length = min(self.length, length)

    @property
    def capacity(self) -> int:
        """Most tokens that it has room for."""
        return self._buffer.shape[3]

    def move(self, place: Tensor) -> None:
        """Go on in other memory [L, 2, G, capacity, W]; what was fed is copied to its beginning."""
        place[:, :, :, : self.length].copy_(self._buffer[:, :, :, : self.length])
        self._buffer, self.own = place, False

    def grown(self, count: int) -> tuple[Sequence[tuple[Tensor, ...]], Tensor | None]:
        """The places of T new tokens.

        Returns:
            Per layer: where their keys and values go [T, 2, G, W], all keys and all values up to them [1, G, end, W].
            Then what they may see, bool [T, end]; None where there is one, which may see all.
        """
        end = self.length + count
        new = self._buffer[:, :, :, self.length : end].permute(0, 3, 1, 2, 4)
        keys, values = self._buffer[:, :, None, :, :end].unbind(1)
        mask = None
        if count > 1:
            mask = torch.ones(count, end, dtype=torch.bool, device=self._buffer.device).tril(self.length)
        return list(zip(new.unbind(0), keys.unbind(0), values.unbind(0), strict=True)), mask

    @property
    def bytes(self) -> int:
        """Bytes that the keys and values so far take, the room to spare left out."""
        return self._buffer[:, :, :, : self.length].numel() * self._buffer.element_size()

    @property
    def layers(self) -> list[tuple[Tensor, Tensor]]:
        """Per layer keys and values so far, each [1, G, T, W], in memory of their own: the buffer has room to spare."""
        return _pairs(self._buffer[:, :, :, : self.length].clone())

    @property
    def shared(self) -> list[tuple[Tensor, Tensor]]:
        """`layers` in the buffer itself, as long as no fewer tokens are kept; copied where it is not its own."""
        return _pairs(self._buffer[:, :, :, : self.length]) if self.own else self.layers


def _pairs(buffer: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Per layer keys and values of [L, 2, G, T, W], each [1, G, T, W]."""
    return [(pair[:1], pair[1:]) for pair in buffer]


def together(fed: Sequence[tuple[Running, Sequence[int] | Tensor]], last: bool = False) -> list[Tensor]:
    """Feed several sequences of the same steps their next tokens, with one reading of the weights.

    Where torch has several threads and there is enough to do, neighbours go side by side in lanes, each a pass of its
    own. All tokens of a lane stand in one matrix where weights multiply them; attention is worked out for each sequence
    by itself, in the shapes that it has alone. So every number is the one that the sequence alone would give, to the
    bit where weights are in float16 (its kernel adds a row's products in the same order whatever stands beside it). The
    library behind float32 chooses its order by the number of rows: there the last bits may differ.

    Args:
        fed: each sequence with its T tokens, or their embeddings [T, D]; T may differ.
        last: whether only the last token's logits are wanted: the last layer then works out nothing else.

    Returns:
        For each the logits [T, V] after its tokens; with `last`, [1, V].
    """
    steps = fed[0][0].steps
    parts = shares([len(tokens) for _, tokens in fed], steps.lanes, LANE_WORK / steps.parameters)
    with steps.own_threads():
        return in_lanes(partial(_together, last=last), [fed[part] for part in parts])


def _together(fed: Sequence[tuple[Running, Sequence[int] | Tensor]], last: bool) -> list[Tensor]:
    """`together`, in one lane."""
    own, counts = fed[0][0].steps, [len(tokens) for _, tokens in fed]
    wide, narrow = own._floors
    cos, sin = (_beside([part[one.length : one.length + len(tokens)] for one, tokens in fed]) for part in own.turns)
    grown = [one.grown(count) for (one, _), count in zip(fed, counts, strict=True)]
    stream = own.embedded([tokens for _, tokens in fed])
    several = not stream.is_cuda and torch.get_num_threads() > 1
    with kernels(stream.is_cuda):
        for index, layer in enumerate(own.layers):
            qkv = layer.qkv(_normed(stream, wide) * layer.before).view(len(stream), -1, own.width)
            turned = _normed(qkv[:, : own.heads + own.groups], narrow) * layer.heads
            torch.addcmul(turned * cos, turned.roll(own.width // 2, 2), sin, out=qkv[:, : own.heads + own.groups])
            only = last and index == len(own.layers) - 1
            made = qkv[:, own.heads :].view(len(qkv), 2, -1, own.width).split(counts)
            rooms = [places[index][0] for places, _ in grown]
            torch._foreach_copy_(rooms, list(made))  # type: ignore[attr-defined]  # one call for all, as optimizers do
            queries = qkv[:, : own.heads].transpose(0, 1)[None].split(counts, 2)
            if only:
                queries = [one[:, :, -1:] for one in queries]
                stream = _beside([one[-1:] for one in stream.split(counts)])
            seen = [
                _seen(one, *places[index][1:], None if only else mask, several)
                for one, (places, mask) in zip(queries, grown, strict=True)
            ]
            stream = stream + layer.out(_beside(seen, 1).reshape(len(stream), -1))
            gate, up = layer.gate_up(_normed(stream, wide) * layer.between).chunk(2, dim=1)
            stream = stream + layer.down(silu(gate) * up)
    for (one, _), count in zip(fed, counts, strict=True):
        one.length += count
    return list(own.head(_normed(stream, wide) * own.last).split([1] * len(fed) if last else counts))


def _seen(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, several: bool) -> Tensor:
    """Attention of queries [1, H, T, W] to what stands up to each: [1, T, H, W].

    `several`: whether torch has more than one thread here.
    """
    if queries.is_cuda:
        if mask is not None:
            mask = mask[:, None].expand(-1, queries.shape[1] // keys.shape[1], -1).flatten(0, 1)
        beside = queries.transpose(1, 2).to(keys.dtype)
        return attended(beside, keys, values, mask).view(beside.shape)
    queries = queries.to(keys.dtype)
    with threads(1) if several and queries.shape[2] <= FEW else _AS_THEY_ARE:
        return scaled_dot_product_attention(queries, keys, values, mask, enable_gqa=True).transpose(1, 2)


def _beside(parts: Sequence[Tensor], along: int = 0) -> Tensor:
    """Rows one below the other, or parts along another axis; one part as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(tuple(parts), along)


def matrix(*weights: Tensor) -> Matrix:
    """Weights [.., D] side by side, as what multiplies [T, D] by them to float32 [T, ..].

    Bringing weights from memory is most of a small step, so those that float16 holds exactly (a checkpoint saved in
    it) are kept in float16 where the processor has a kernel for it; that kernel multiplies and adds in float32.
    """
    whole = torch.cat(weights).detach()
    if whole.dtype != torch.float32:
        return partial(_rounded, weight=whole)
    if whole.device.type == "cpu" and torch.equal(whole.half().float(), whole):
        with suppress(AttributeError, RuntimeError):  # no such kernel in this build
            return partial(
                torch.ops.quantized.linear_dynamic_fp16, W_prepack=torch.ops.quantized.linear_prepack_fp16(whole)
            )
    return partial(linear, weight=whole)


def _rounded(x: Tensor, weight: Tensor) -> Tensor:
    """[T, D] times weights in half precision, rounded to it before and after: float32 [T, ..]."""
    return linear(x.to(weight.dtype), weight).float()


def _normed(x: Tensor, floor: Tensor) -> Tensor:
    """RMSNorm over the last axis, without weights and without its factor of the root of the axis' length."""
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).hypot(floor)


def _versions(decoder: Any) -> tuple[tuple[int, int], ...]:
    """Where the weights lie and how often they were changed."""
    return tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in decoder.parameters())
