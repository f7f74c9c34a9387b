"""The grammar of wordings: lists by several authors, of which training may use some and tests keep the others.

`lists/plain.yaml`, `chatty.yaml`, `terse.yaml`, `further.yaml`, `sundry.yaml` and `workaday.yaml` are for training.
`unseen.yaml` was written by somebody who had not seen them, in words (`unseen_words.yaml`) that no training wording
of the same family holds, though those of other families do. `free.yaml` holds words that occur in no training wording
at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from agentmm.world.wordings import TURNED, WORDINGS, Wordings
from agentmm.world.wordings.alternatives import sentences

LISTS = Path(__file__).parent / "lists"
AUTHORS = ("plain", "chatty", "terse", "further", "sundry", "workaday")
"""The lists that training may use, each by another author."""

ALIKE = {
    "count": ("count_shape", "count_colour", "count_colour_shape", "count_size"),
    **{name: (name, f"turned_{name}") for name in TURNED},
}
"""Keys of the lists that stand for several families."""

_PLACE = re.compile(r"\{\w+\}")
_WORD = re.compile(r"[a-z']+")


@dataclass(frozen=True)
class Skeletons:
    """The sentences of one family, places for its slots left open.

    Attributes:
        seen: for training, and for the test row `seen`.
        unseen: for the test row `unseen`: other sentences, in words that `seen` has not.
        free: for the test row `free`: words that no family's `seen` has.
    """

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    free: tuple[str, ...]


@lru_cache(maxsize=1)
def skeletons() -> dict[str, Skeletons]:
    """Family -> its sentences; those of a training list that hold an unseen word of their own family are left out."""
    forbidden = {key: frozenset(words) for key, words in _read("unseen_words").items()}
    training = [_read(author) for author in AUTHORS]
    seen = {
        key: tuple(text for text in _every(key, training) if not words_of(text) & kept_out)
        for key, kept_out in forbidden.items()
    }
    known = frozenset(word for texts in seen.values() for text in texts for word in words_of(text))
    unseen, free = [_read("unseen")], [_read("free")]
    found = {
        key: Skeletons(
            seen[key], _every(key, unseen), tuple(text for text in _every(key, free) if words_of(text) - known)
        )
        for key in seen
    }
    return {family: found[key] for key in found for family in ALIKE.get(key, (key,))}


@lru_cache(maxsize=256)
def wordings_of(family: str) -> Wordings:
    """What a family is asked in: its skeletons, and for training also the templates of `WORDINGS` without unseen words.

    Families that the lists do not hold have the templates alone.
    """
    own, found = WORDINGS[family], skeletons().get(family)
    if found is None:
        return own
    kept_out = unseen_words()[family]
    kept = (text for text in own.every if not words_of(text) & kept_out and text not in found.unseen)
    return Wordings(tuple(dict.fromkeys((*found.seen, *kept))), found.unseen)


def words_of(text: str) -> frozenset[str]:
    """The words of a sentence, lower case, places left out."""
    return frozenset(_WORD.findall(_PLACE.sub(" ", text).lower()))


@lru_cache(maxsize=1)
def unseen_words() -> dict[str, frozenset[str]]:
    """Family -> words that its training wordings lack."""
    return {f: frozenset(words) for key, words in _read("unseen_words").items() for f in ALIKE.get(key, (key,))}


@lru_cache(maxsize=256)
def strange_words(family: str) -> tuple[str, ...]:
    """Words of other families' training wordings that this family's lack, sorted, without those kept out of it."""
    own = frozenset(word for text in wordings_of(family).every for word in words_of(text))
    strange = _trained() - own - unseen_words().get(family, frozenset())
    return tuple(sorted(word for word in strange if word.isalpha()))


@lru_cache(maxsize=1)
def trained_words() -> tuple[str, ...]:
    """All words of training wordings, sorted."""
    return tuple(sorted(word for word in _trained() if word.isalpha()))


@lru_cache(maxsize=1)
def _trained() -> frozenset[str]:
    """All words of training wordings."""
    return frozenset(word for found in skeletons().values() for text in found.seen for word in words_of(text))


@lru_cache(maxsize=1)
def free_words() -> frozenset[str]:
    """The words by which the sentences of `free` are free: no training wording holds them."""
    free = (text for found in skeletons().values() for text in found.free)
    return frozenset(word for text in free for word in words_of(text)) - _trained()


def unseen_digest() -> str:
    """SHA-256 of the unseen sentences and words as committed; manifests of trained planners name it."""
    hasher = hashlib.sha256()
    for name in ("unseen", "unseen_words"):
        hasher.update((LISTS / f"{name}.yaml").read_bytes())
    return hasher.hexdigest()


def _every(key: str, lists: Iterable[dict[str, list[str]]]) -> tuple[str, ...]:
    texts = (text for patterns in lists for pattern in patterns.get(key, ()) for text in sentences(pattern))
    return tuple(dict.fromkeys(texts))


def _read(name: str) -> dict[str, list[str]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((LISTS / f"{name}.yaml").read_bytes(), loader)
