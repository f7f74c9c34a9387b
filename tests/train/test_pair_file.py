"""A file of pairs: every line that is none is told by file and line, before weights load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentmm.errors import UsageError
from agentmm.train.pair_file import read_pairs

ROW: dict[str, Any] = {
    "prompt_ids": [1, 2], "chosen_ids": [3, 4], "chosen_mask": [1, 0], "rejected_ids": [5], "rejected_mask": [1],
}  # fmt: skip
POINTING = {
    "id": "p", "question": "q", "group": "g", "chosen": {"trace": "abcd", "step": 0},
    "rejected": {"trace": "bcde", "step": 0},
}  # fmt: skip


def test_rows_are_read_and_empty_lines_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(ROW) + "\n\n" + json.dumps({**ROW, "chosen_forced": [0, 1]}) + "\n")
    assert read_pairs(path) == [ROW, {**ROW, "chosen_forced": [0, 1]}]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"garbage", "line 2: no JSON; got 'garbage'"),
        (b"\xff\xfe\x00\x81", "line 2: no JSON"),
        (b"[" * 100_000, "line 2: no JSON"),
        (b"[1, 2]", "line 2: no JSON object; got [1, 2]"),
        (b'{"a": 1}', "line 2: no pair of token ids; got {'a': 1}"),
        (b'{"prompt": [], "chosen": [], "rejected": []}', "conversations for TRL (--messages)"),
        (json.dumps({**ROW, "prompt_ids": "12"}).encode(), "no list of token ids in prompt_ids"),
        (json.dumps({**ROW, "chosen_ids": [3, -1]}).encode(), "no list of token ids in chosen_ids"),
        (json.dumps({**ROW, "rejected_mask": [1, 1]}).encode(), "rejected_mask is not a 0 or 1 for each of"),
        (json.dumps({**ROW, "chosen_mask": None}).encode(), "chosen_mask is not a 0 or 1 for each of chosen_ids"),
        (json.dumps({**ROW, "prompt_images": [7]}).encode(), "no list of hashes in prompt_images"),
        (json.dumps(POINTING).encode(), "line 2: no such trace; got 'abcd'"),
    ],
    ids=range(12),
)
def test_a_line_that_is_no_pair_is_one_line(tmp_path: Path, line: bytes, says: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b"\n" + line + b"\n")
    with pytest.raises(UsageError) as caught:
        read_pairs(path, tmp_path / "store.db")
    said = str(caught.value)
    assert said.startswith(f"{path}, ")
    assert says in said
    assert "agentmm traces" in said
    assert "\n" not in said
    assert len(said) < 600


def test_no_file_and_no_pair_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n")
    for name, says in (("gone.jsonl", "cannot read the pairs"), ("empty.jsonl", "the file has no pairs")):
        with pytest.raises(UsageError, match=f"{says}.*agentmm traces pairs"):
            read_pairs(tmp_path / name)
