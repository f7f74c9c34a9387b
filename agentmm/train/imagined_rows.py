"""Imagined episodes as token rows, and the tokenizer that they train."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from tokenizers import Tokenizer

from agentmm.model.pixels import square_pixels
from agentmm.model.tokenizer import train_tokenizer
from agentmm.planner.render import Renderer
from agentmm.tool.told import SIGNATURES
from agentmm.train.concept_episodes import concept_episode
from agentmm.train.everyday import everyday_episode
from agentmm.train.imagined import Messages, imagine_episodes, imagine_with_media
from agentmm.train.offers import Offered, invented_episode, offer
from agentmm.train.rows import message_texts, without_thoughts
from agentmm.train.rowset import PixelFile, Row
from agentmm.train.worked_concepts import worked_episode
from agentmm.world.sources import Medium, media_seed, medium

HANDLES = {f"{kind}_{k}": {"kind": kind, "sha": ""} for kind in ("image", "audio", "video") for k in range(1, 10)}
"""Records of the media of imagined episodes, which show no picture."""

WORKED_SHARE = 0.4
"""Share of the episodes about concepts in which something is worked out from what a tool told."""

_SHOWN = ("scene", "receipt", "scene", "sign", "table", "scene", "chart", "label")

UNTHOUGHT = 0.12
"""Share of training episodes that are told without their thoughts, so that a planner can do without."""


def imagined_rows(
    renderer: Renderer,
    n: int,
    seed: int,
    split: str = "train",
    *,
    varied: float = 0.0,
    invented: float = 0.0,
    squares: PixelFile | None = None,
    practice: Mapping[str, float] | None = None,
) -> list[Row]:
    """Rendered imagined episodes.

    Args:
        renderer: the one renderer.
        n: questions of the practice world that are told.
        seed: another seed gives other episodes.
        split: of the questions.
        varied: share of them that are told with other tools around them: some, renamed, in random order.
        invented: episodes with a tool that does not exist, beside each of them; they show pictures of the others.
        squares: takes the pictures, whose numbers the rows then have; None leaves bare placeholders.
        practice: family -> how many times as often it is asked.
    """
    rng = np.random.default_rng([17, seed])
    told: list[tuple[Offered, list[int]]] = []
    for episode, media in imagine_with_media(n, seed, split, sighted=squares is not None, practice=practice):
        offered: Offered = offer(episode, SIGNATURES, rng) if rng.random() < varied else (episode, list(SIGNATURES))
        told.append((offered, squares_of(media, squares)[: _pictures(offered[0])]))
    shown = [image for _, images in told for image in images] or squares_of([medium("scene", seed)], squares)
    for _ in range(int(n * invented)):
        offered = invented_episode(SIGNATURES, rng)
        told.append((offered, _any(shown, _pictures(offered[0]), rng) if squares is not None else []))
    rows = []
    for (episode, signatures), images in told:
        said = without_thoughts(episode) if rng.random() < UNTHOUGHT else episode
        rendered = renderer.render(said, signatures, HANDLES)
        rows.append(Row(rendered.ids, rendered.loss_mask, images))
    return rows


def concept_rows(renderer: Renderer, n: int, seed: int, squares: PixelFile) -> list[Row]:
    """Rendered episodes about concepts, beside scenes and pages of any sort that `squares` takes.

    Args:
        renderer: the one renderer.
        n: how many.
        seed: another seed gives other episodes.
        squares: takes the pictures.
    """
    rng = np.random.default_rng([37, seed])
    shown = squares_of((medium(_SHOWN[k % len(_SHOWN)], media_seed("train", rng)) for k in range(n // 8 + 1)), squares)
    rows = []
    for _ in range(n):
        tell = worked_episode if rng.random() < WORKED_SHARE else concept_episode
        episode, signatures = tell(SIGNATURES, rng)
        rendered = renderer.render(episode, signatures, HANDLES)
        rows.append(Row(rendered.ids, rendered.loss_mask, _any(shown, _pictures(episode), rng)))
    return rows


def everyday_rows(renderer: Renderer, n: int, seed: int) -> list[Row]:
    """Rendered episodes about what is said in recordings.

    Args:
        renderer: the one renderer.
        n: how many.
        seed: another seed gives other episodes.
    """
    rng = np.random.default_rng([41, seed])
    rows = []
    for _ in range(n):
        (episode, signatures), _ = everyday_episode(SIGNATURES, rng)
        rendered = renderer.render(episode, signatures, HANDLES)
        rows.append(Row(rendered.ids, rendered.loss_mask, []))
    return rows


def squares_of(media: Iterable[Medium], squares: PixelFile | None) -> list[int]:
    """Numbers of the pictures among some media, drawn where they are not known yet; none without a file for them."""
    if squares is None:
        return []
    numbers = []
    for one in media:
        if one.kind == "image":
            known = squares.keys.get(one.key)
            numbers.append(squares.add(one.key, square_pixels(one.pixels, squares.size)) if known is None else known)
    return numbers


def _pictures(episode: Messages) -> int:
    """How many pictures an episode shows, those that tools made among them."""
    shown = (message["content"] for message in episode if not isinstance(message["content"], str))
    return sum(block["type"] == "image" for content in shown for block in content)


def _any(shown: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    """So many of the pictures that other episodes show."""
    return [shown[int(i)] for i in rng.integers(len(shown), size=count)]


def imagined_tokenizer(seed: int, further: Iterable[str], vocab_size: int, episodes: int = 3000) -> Tokenizer:
    """A tokenizer of imagined episodes, the signatures and further texts (those of traces)."""
    told = [text for episode in imagine_episodes(episodes, seed) for text in message_texts(episode)]
    return train_tokenizer([*told, *further, *SIGNATURES * 40], vocab_size)
