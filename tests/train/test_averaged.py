"""Means of weights."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from agentmm.errors import TrainError, UsageError
from agentmm.media.opening import file_sha
from agentmm.train.averaged import average, main
from agentmm.train.manifest import check_manifest, write_manifest


def exported(folder, value, shape=(2, 2)):
    folder.mkdir()
    save_file({"w": torch.full(shape, value, dtype=torch.float16)}, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    write_manifest(folder, {"name": folder.name, "recipe": {"stages": {"it": {}}}})
    return folder


def test_each_weight_is_the_mean_and_the_manifest_says_of_what(tmp_path):
    one, two = exported(tmp_path / "one", 1.0), exported(tmp_path / "two", 3.0)
    out = average({one: 0.25, two: 0.75}, tmp_path / "mean")
    found = load_file(out / "model.safetensors")["w"]
    assert torch.equal(found, torch.full((2, 2), 2.5, dtype=torch.float16))
    facts = check_manifest(out)
    assert facts["name"] == "two"
    assert facts["recipe"]["stages"] == {"it": {}}
    shas = [file_sha(folder / "model.safetensors") for folder in (one, two)]
    assert facts["recipe"]["averaged"] == [{"sha256": shas[0], "share": 0.25}, {"sha256": shas[1], "share": 0.75}]
    assert json.loads((two / "manifest.json").read_text())["recipe"] == {"stages": {"it": {}}}


def test_what_has_no_mean_is_refused(tmp_path, capsys):
    one, wide = exported(tmp_path / "one", 1.0), exported(tmp_path / "wide", 1.0, (2, 3))
    with pytest.raises(TrainError, match="of different models"):
        average({one: 0.5, wide: 0.5}, tmp_path / "mean")
    with pytest.raises(UsageError, match="must sum to 1"):
        average({one: 0.75}, tmp_path / "mean")
    with pytest.raises(UsageError, match="no exported weights here"):
        average({tmp_path: 1.0}, tmp_path / "mean")
    with pytest.raises(UsageError, match="a new folder"):
        average({one: 1.0}, wide)
    assert main([f"{one}=1", "--out", str(wide)]) == 2
    assert capsys.readouterr().err.startswith("error: averaged weights go to a new folder")
    assert main([f"{one}=0.3", f"{one}=0.5", f"{wide}=0.5", "--out", str(tmp_path / "mean")]) == 2
    assert "stands there twice" in capsys.readouterr().err
    (one / "model.safetensors").write_bytes(b"0" * 40)
    assert main([f"{one}=1", "--out", str(tmp_path / "mean")]) == 1
    assert capsys.readouterr().err.startswith("error: the weights cannot be read: ")
    assert not (tmp_path / "mean").exists()
