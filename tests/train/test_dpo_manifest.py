"""What the manifest of weights says after a round of DPO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agentmm.train.dpo_main import note_in_manifest
from agentmm.train.manifest import check_manifest

ROWS = [{"prompt_ids": [1, 2], "chosen_ids": [3, 4, 5], "rejected_ids": [6], "chosen_mask": [1, 1, 1]}]
TOLD: dict[str, Any] = {"recipe": {"lr": 1e-4, "epochs": 2}, "pairs": 1, "seconds": 9.6, "margin_grew": 1.0, "kl": 0.01}


def folder_of(path: Path, manifest: dict[str, Any] | None = None) -> Path:
    path.mkdir()
    (path / "weights.txt").write_text(path.name, encoding="utf-8")
    if manifest is not None:
        (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return path


def test_it_goes_on_from_that_of_the_weights_before(tmp_path: Path) -> None:
    known = {"name": "nano", "recipe": {"stages": {"it": {"tokens": 5}}}, "data": {}, "files": {"x": "0"}}
    before = folder_of(tmp_path / "before", known)
    for number, told in enumerate((TOLD, TOLD | {"kl": 0.02}, TOLD | {"kl": 0.03})):
        after = folder_of(tmp_path / f"after_{number}")
        note_in_manifest(after, before, ROWS, told)
        facts = check_manifest(after)
        assert facts["recipe"]["stages"]["dpo"] == {"lr": 1e-4, "epochs": 2, "pairs": 1, "tokens": 12, "seconds": 10}
        assert facts["recipe"]["stages"]["it"] == {"tokens": 5}
        assert facts["metrics"]["dpo"] == {"margin_grew": 1.0, "kl": told["kl"]}
        assert facts["data"]["dpo"]["pairs"] == 1
        assert set(facts["files"]) == {"weights.txt"}
        before = after
    assert {name: round_["kl"] for name, round_ in facts["metrics"].items()} == {
        "dpo_1": 0.01, "dpo_2": 0.02, "dpo": 0.03
    }  # fmt: skip


def test_weights_without_one_have_none_after(tmp_path: Path) -> None:
    after = folder_of(tmp_path / "after")
    note_in_manifest(after, folder_of(tmp_path / "before"), ROWS, TOLD)
    assert not (after / "manifest.json").exists()
