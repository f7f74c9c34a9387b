"""Every family calls under the grammar, takes a LoRA adapter, goes in batches; docs/families.md says what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.foreign.abilities import calls_legally, goes_in_batches, takes_an_adapter
from tests.foreign.checkpoints import FAMILIES

# peft asks transformers by an old name; glm4v's processor calls np.array on a tensor
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
PAGE = Path(__file__).parents[2] / "docs" / "families.md"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_call_under_the_grammar_is_legal(family, planner):
    assert calls_legally(planner(family))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_loads_shows_and_leaves_sessions_exact(family, planner, checkpoint, tmp_path):
    assert takes_an_adapter(planner(family), checkpoint(family), tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_goes_as_it_was_measured_and_is_exact(family, planner):
    chat = planner(family)
    assert goes_in_batches(chat) == ("abreast" if chat.exactness.together else "in turns")


def test_the_page_has_a_row_of_each_family():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == sorted(FAMILIES)
