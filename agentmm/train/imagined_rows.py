"""Imagined episodes as token rows, and the tokenizer that they train."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tokenizers import Tokenizer

from agentmm.model.tokenizer import train_tokenizer
from agentmm.planner.render import Renderer
from agentmm.train.imagined import imagine_episodes
from agentmm.train.offers import Offered, invented_episode, offer
from agentmm.train.rows import message_texts, without_thoughts
from agentmm.train.rowset import Row

SIGNATURES = (
    "detect(image:Image,what:Text)",
    "read_text(image:Image)",
    "read_code(image:Image)",
    "transcribe(audio:Audio)",
    "crop(region:Region)",
    "zoom(image:Image,factor:Number)",
    "rotate(image:Image,degrees:Number)",
    "measure_colour(image:Image)",
    "describe_media(media:Image|Audio|Video)",
    "calculate(expression:Text)",
)
"""Signatures of the default tools, as imagined episodes show them; traces bring their own."""

HANDLES = {f"{kind}_{k}": {"kind": kind, "sha": ""} for kind in ("image", "audio", "video") for k in range(1, 10)}
"""Records of the media of imagined episodes, which show no picture."""

UNTHOUGHT = 0.12
"""Share of training episodes that are told without their thoughts, so that a planner can do without."""


def imagined_rows(
    renderer: Renderer, n: int, seed: int, split: str = "train", *, varied: float = 0.0, invented: float = 0.0
) -> list[Row]:
    """Rendered imagined episodes; pictures stay bare placeholders.

    Args:
        renderer: the one renderer.
        n: questions of the practice world that are told.
        seed: another seed gives other episodes.
        split: of the questions.
        varied: share of them that are told with other tools around them: some, renamed, in random order.
        invented: episodes with a tool that does not exist, beside each of them.
    """
    rng = np.random.default_rng([17, seed])
    told: list[Offered] = [
        offer(episode, SIGNATURES, rng) if rng.random() < varied else (episode, list(SIGNATURES))
        for episode in imagine_episodes(n, seed, split)
    ]
    told += [invented_episode(SIGNATURES, rng) for _ in range(int(n * invented))]
    rendered = [
        renderer.render(without_thoughts(episode) if rng.random() < UNTHOUGHT else episode, signatures, HANDLES)
        for episode, signatures in told
    ]
    return [Row(one.ids, one.loss_mask) for one in rendered]


def imagined_tokenizer(seed: int, further: Iterable[str], vocab_size: int, episodes: int = 3000) -> Tokenizer:
    """A tokenizer of imagined episodes, the signatures and further texts (those of traces)."""
    told = [text for episode in imagine_episodes(episodes, seed) for text in message_texts(episode)]
    return train_tokenizer([*told, *further, *SIGNATURES * 40], vocab_size)
