"""The same 6-step, 3-image episode with and without the cache session, as a ratio in one run.

Every step writes the same number of tokens, so both runs do the same work.
"""

from __future__ import annotations

import json
import statistics
import time

import numpy as np
import torch

from agentmm.planner.chat import load_local
from agentmm.planner.local import Prompt
from agentmm.planner.session import Sessions
from agentmm.planner.writing import Sampling

STEPS, ROUNDS, ANSWER_TOKENS = 6, 5, 24
OBSERVATION = json.dumps({"count": 4, "found": [f"region_{i} red circle large {30 * i},{20 * i}" for i in range(1, 5)]})


def episode(planner: object, sessions: Sessions | None) -> tuple[float, int, int]:
    """Run the episode; returns (seconds, tokens fed as prompt, images encoded)."""
    local, renderer = planner.local, planner.renderer  # type: ignore[attr-defined]
    local.sessions = sessions
    pictures = {
        name: np.random.default_rng(i).integers(0, 256, (256, 256, 3), dtype=np.uint8) for i, name in enumerate("abc")
    }
    ids: list[int] = renderer.encode("system: " + "detect(image:Image,what:Text)\n" * 10)
    places = []
    for name in pictures:
        ids += renderer.encode(f"image_{name} ")
        places.append((len(ids), name))
        ids += [renderer.token_id("<image>")] * local.image_tokens
    ids += renderer.encode("How many red circles are in all three pictures together?")
    fed = encoded = 0
    started = time.perf_counter()
    for _ in range(STEPS):
        done = local.complete(Prompt(ids, places), pictures.__getitem__, sampling=Sampling(max_tokens=ANSWER_TOKENS))
        fed, encoded = fed + done.counters.prefill_tokens, encoded + done.counters.encoder_calls
        ids = [*ids, *done.ids, *renderer.encode(OBSERVATION)]
    return time.perf_counter() - started, fed, encoded


def main() -> None:
    """Alternate both ways; print medians and the ratio."""
    torch.set_num_threads(2)
    planner = load_local("nano", constrained=False)
    planner.local.end_id = -1  # every step writes all its tokens
    episode(planner, Sessions())
    with_, without = [], []
    for _ in range(ROUNDS):
        with_.append(episode(planner, Sessions()))
        without.append(episode(planner, None))
    fast, slow = (statistics.median(seconds for seconds, _, _ in runs) for runs in (with_, without))
    print(f"with the session     {fast:.3f} s, {with_[0][1]} prompt tokens fed, {with_[0][2]} images encoded")
    print(f"without              {slow:.3f} s, {without[0][1]} prompt tokens fed, {without[0][2]} images encoded")
    print(f"ratio                {slow / fast:.2f} x")


if __name__ == "__main__":
    main()
