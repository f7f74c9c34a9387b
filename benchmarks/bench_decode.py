"""Decoding one token after another: the planner's single steps against transformers' `generate`, same weights, one run.

Both go on greedily from the same prompt for the same number of tokens, without a grammar; the tokens must be equal.
"""

from __future__ import annotations

import statistics
import time

import torch

from agentmm.planner.chat import load_local
from agentmm.planner.local import Prompt, Sampling

PROMPT_TOKENS, NEW_TOKENS, ROUNDS = 250, 120, 7


def main() -> None:
    """Alternate both; print medians and the ratio."""
    planner = load_local("nano", constrained=False, keep_sessions=False)
    local, model = planner.local, planner.model
    local.end_id = -1  # every round writes all its tokens
    text = "What does the sign say? " * PROMPT_TOKENS
    ids = planner.renderer.encode(text)[:PROMPT_TOKENS]
    given = torch.tensor([ids])
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        wrote = local.complete(Prompt(ids), lambda sha: None, sampling=Sampling(max_tokens=NEW_TOKENS)).ids
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        with torch.inference_mode():
            made = model.generate(
                input_ids=given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=NEW_TOKENS,
                min_new_tokens=NEW_TOKENS, eos_token_id=None, pad_token_id=0,
            )  # fmt: skip
        theirs.append(time.perf_counter() - started)
        assert wrote == made[0, len(ids) :].tolist(), "the two wrote different tokens"
    fast, slow = (1000 * statistics.median(seconds[1:]) / NEW_TOKENS for seconds in (ours, theirs))
    print(f"single steps            {fast:.2f} ms a token")
    print(f"transformers' generate  {slow:.2f} ms a token")
    print(f"ratio                   {slow / fast:.2f} x")


if __name__ == "__main__":
    main()
