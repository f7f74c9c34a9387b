"""Attention of few tokens to many on the CPU: query heads that share keys and values read them together.

transformers' `sdpa` hands a token's query heads one by one to a kernel that reads the keys for each; with a mask, as
guesses need one, it even copies keys and values for each. Here the heads of a group stand as rows of one matrix. All
else goes the library's way.
"""

from __future__ import annotations

from typing import Any

from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "agentmm_grouped"
"""How transformers knows it."""

FEW = 8
"""Most tokens of a pass that are few."""

_KNOWN = {"is_causal", "position_ids", "sliding_window", "use_cache"}


def grouped(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    **given: Any,
) -> tuple[Any, None]:
    """Attention as transformers asks for it.

    Args:
        module: of the model.
        query: `[B, H, Q, W]`.
        key: `[B, G, T, W]`.
        value: `[B, G, T, W]`.
        attention_mask: `[B, 1 or H, Q, T]`, bool or float; None where all is seen, or Q tokens see what is before them.
        dropout: 0 here.
        scaling: of products of queries and keys.
        **given: what else the model's layers hand over.

    Returns:
        `[B, Q, H, W]`, and no weights.
    """
    batch, heads, count, _ = query.shape
    groups = key.shape[1]
    seen = attention_mask is not None and attention_mask.dim() == 4 and attention_mask.shape[1] == 1
    fits = count <= FEW and groups < heads and (seen if count > 1 else seen or attention_mask is None)
    odd = dropout or any(value is not None for name, value in given.items() if name not in _KNOWN)
    if not fits or odd:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **given
        )
    rows = query.reshape(batch, groups, heads // groups * count, -1)
    mask = None if attention_mask is None else attention_mask.repeat(1, 1, heads // groups, 1)
    out = scaled_dot_product_attention(rows, key, value, attn_mask=mask, scale=scaling)
    return out.reshape(batch, heads, count, -1).transpose(1, 2).contiguous(), None


def group(model: Any) -> bool:
    """Let a model's layers of words attend so; False where that is not possible, or nothing to gain.

    Args:
        model: a model of transformers.
    """
    words = model.config.get_text_config()
    shared = getattr(words, "num_key_value_heads", None) not in (None, getattr(words, "num_attention_heads", None))
    if model.device.type != "cpu" or not shared:
        return False
    try:
        return _set(model, words, "sdpa", NAME)
    except Exception:  # another maker's code, which may know no other attention
        return False


def ungroup(model: Any) -> bool:
    """Let them attend as the library has it; False where they do."""
    return _set(model, model.config.get_text_config(), NAME, "sdpa")


def _set(model: Any, words: Any, old: str, new: str) -> bool:
    """Exchange the attention of a model's layers of words; False where it was another one, or stays."""
    if getattr(words, "_attn_implementation", None) != old:
        return False
    part = next((name for name in model.config.sub_configs if getattr(model.config, name, None) is words), None)
    model.set_attn_implementation(new if part is None else {part: new})
    return words._attn_implementation == new


AttentionInterface.register(NAME, grouped)
AttentionMaskInterface.register(NAME, sdpa_mask)
