"""Dense DPO: changed segments weigh more (RLHF-V, Yu et al. 2023, arXiv 2312.00849, section 3.2).

The loss is `dpo` on scores whose weights come from here, the same for policy and reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher


def changed_weights(chosen: Sequence[int], rejected: Sequence[int], gamma: float) -> tuple[list[float], list[float]]:
    """Token weights of both sides: `gamma` where one text replaces another, 1 elsewhere.

    As in the released code, matching blocks shorter than 3 tokens count as changed, and pure insertions or deletions
    keep weight 1.

    Args:
        chosen: token ids.
        rejected: token ids.
        gamma: weight of changed tokens.
    """
    weights = ([1.0] * len(chosen), [1.0] * len(rejected))
    blocks = [b for b in SequenceMatcher(None, list(chosen), list(rejected)).get_matching_blocks() if b.size >= 3]
    left = right = 0
    for start, other, size in [*((b.a, b.b, b.size) for b in blocks), (len(chosen), len(rejected), 0)]:
        if start > left and other > right:
            weights[0][left:start] = [gamma] * (start - left)
            weights[1][right:other] = [gamma] * (other - right)
        left, right = start + size, other + size
    return weights
