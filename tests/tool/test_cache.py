"""Kept results: the same call of the same medium runs once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentmm.errors import ToolError
from agentmm.media import Image, Region
from agentmm.tool import tool
from agentmm.tool.cache import ResultCache, call_key

CALLS: list[str] = []


@tool(isolation="thread")
def spot(image: Image, what: str = "", *, least: float = 0.5) -> dict[str, Any]:
    """Find a spot.

    Args:
        image: a picture.
        what: a word.
        least: a setting.
    """
    CALLS.append(what)
    if what == "nothing":
        raise ToolError("nothing there")
    return {"count": 1, "found": [image.region((1, 2, 3, 4), text=f"spot {what}", label="spot", score=least)]}


@tool(isolation="thread")
def halve(image: Image) -> dict[str, Any]:
    """Make a smaller picture.

    Args:
        image: a picture.
    """
    CALLS.append("halve")
    return {"image": Image(image.pixels[::2, ::2].copy())}


@pytest.fixture
def picture() -> Image:
    return Image(np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3))


@pytest.fixture(autouse=True)
def _forget() -> None:
    CALLS.clear()


def test_equal_calls_run_once(picture: Image) -> None:
    cache = ResultCache()
    (kept,) = cache.wrap([spot])
    first = kept.call(image=picture, what="red").value
    again = kept.call(image=Image(picture.pixels.copy()), what="red").value
    assert first == again
    assert CALLS == ["red"]
    assert (cache.hits, cache.misses) == (1, 1)
    assert isinstance(again["found"][0], Region)
    assert again["found"][0].box == (1, 2, 3, 4)


def test_another_argument_setting_or_picture_runs_again(picture: Image) -> None:
    cache = ResultCache()
    for wrapped in cache.wrap([spot, spot.with_options(least=0.9)]):
        wrapped.call(image=picture, what="red")
        wrapped.call(image=picture, what="blue")
        wrapped.call(image=Image(255 - picture.pixels), what="red")
    assert len(CALLS) == 6


def test_the_folder_outlives_the_cache(picture: Image, tmp_path: Path) -> None:
    first = ResultCache(tmp_path).wrap([spot])[0].call(image=picture, what="red").value
    again = ResultCache(tmp_path).wrap([spot])[0].call(image=picture, what="red").value
    assert first == again
    assert len(CALLS) == 1


def test_a_torn_file_counts_as_none(picture: Image, tmp_path: Path) -> None:
    ResultCache(tmp_path).call(spot, {"image": picture, "what": "red"})
    (file,) = tmp_path.rglob("*.json")
    file.write_text(file.read_text()[:20])
    assert ResultCache(tmp_path).call(spot, {"image": picture, "what": "red"}).value["count"] == 1
    assert len(CALLS) == 2


def test_errors_and_made_media_are_not_kept(picture: Image) -> None:
    cache = ResultCache()
    for _ in range(2):
        with pytest.raises(ToolError):
            cache.call(spot, {"image": picture, "what": "nothing"})
        assert cache.call(halve, {"image": picture}).value["image"].width == 4
    assert len(CALLS) == 4


def test_a_wrapped_tool_looks_the_same_to_a_planner() -> None:
    (kept,) = ResultCache().wrap([spot])
    assert (kept.name, kept.signature, kept.version, kept.provenance) == (
        spot.name, spot.signature, spot.version, spot.provenance,
    )  # fmt: skip
    foreign = object()
    assert ResultCache().wrap([foreign]) == [foreign]


def test_keys_differ_where_results_may(picture: Image) -> None:
    whole = call_key(spot, {"image": picture, "what": "a"})
    assert whole == call_key(spot, {"what": "a", "image": Image(picture.pixels)})
    assert whole != call_key(spot, {"image": picture, "what": "b"})
    assert whole != call_key(halve, {"image": picture})
