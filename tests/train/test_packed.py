"""Packed traces: the same rows, families and squares as over the store, in one small file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agentmm.collect import collect_gold
from agentmm.errors import TrainError
from agentmm.media import MediaStore
from agentmm.planner.render import Renderer
from agentmm.trace import TraceStore
from agentmm.train.imagined_rows import imagined_tokenizer
from agentmm.train.nano import train_nano
from agentmm.train.packed import PackedRows, main, pack
from agentmm.train.rows import TraceRows
from agentmm.world.sample import sample_questions

SHIPPED = Path(__file__).parents[2] / "agentmm" / "weights" / "nano"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gold traces of questions about codes, turned pages and sounds."""
    folder = tmp_path_factory.mktemp("packed")
    families = ["has_qr", "turned_value", "width", "calculation"]
    questions = sample_questions("train", 12, 3, families=families)
    collect_gold(questions, folder / "gold.db", home=folder, workers=1, quiet=True)
    return folder


def rows_of(home: Path, folder: Path, renderer: Renderer) -> TraceRows:
    traces = TraceRows(TraceStore(home / "gold.db"), MediaStore(home / "media"), renderer, folder)
    traces.refresh()
    return traces


def test_packed_rows_are_those_of_the_store(home: Path, tmp_path: Path) -> None:
    renderer = Renderer.from_pretrained(SHIPPED)
    traces = rows_of(home, tmp_path, renderer)
    told = pack(traces, tmp_path / "rows.npz")
    assert told["rows"] == len(traces.rows) == 12
    assert told["whole"] == 0
    assert told["bytes"] < 40_000  # pictures go as recipes, turned ones too
    (tmp_path / "there").mkdir()
    packed = PackedRows(tmp_path / "rows.npz", tmp_path / "there", renderer)
    assert packed.refresh()
    assert not packed.refresh()
    assert packed.families == traces.families
    halves = [PackedRows(tmp_path / "rows.npz", tmp_path / "there", renderer, own=(k, 2)) for k in range(2)]
    assert [len(half.rows) for half in halves] == [len(half.families) for half in halves] == [6, 6]
    assert list(halves[1].rows[0].ids) == list(packed.rows[1].ids)
    ours, theirs = packed.rowset(), traces.rowset()
    for one, other in zip(ours, theirs, strict=True):
        assert list(one.ids) == list(other.ids)
        assert list(one.mask) == list(other.mask)
        assert np.array_equal(ours.pixels[one.images], theirs.pixels[other.images])


def test_a_picture_that_nobody_can_draw_goes_whole(home: Path, tmp_path: Path) -> None:
    renderer = Renderer.from_pretrained(SHIPPED)
    traces = rows_of(home, tmp_path, renderer)
    traces.recipes.clear()
    assert pack(traces, tmp_path / "rows.npz")["drawn"] == 0
    (tmp_path / "there").mkdir()
    ours, theirs = PackedRows(tmp_path / "rows.npz", tmp_path / "there", renderer).rowset(), traces.rowset()
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(ours.pixels[one.images], theirs.pixels[other.images])


def test_rows_of_another_tokenizer_and_torn_files_are_one_line(home: Path, tmp_path: Path) -> None:
    renderer = Renderer.from_pretrained(SHIPPED)
    pack(rows_of(home, tmp_path, renderer), tmp_path / "rows.npz")
    with pytest.raises(TrainError, match="another tokenizer"):
        PackedRows(tmp_path / "rows.npz", tmp_path, Renderer(imagined_tokenizer(1, (), 600, 30)))
    with pytest.raises(TrainError, match=r"another spelling.*--respells"):
        PackedRows(tmp_path / "rows.npz", tmp_path, Renderer.from_pretrained(SHIPPED, respells=True))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "rows.npz").read_bytes()[:900])
    whole = (tmp_path / "rows.npz").read_bytes()
    (tmp_path / "damaged.npz").write_bytes(whole[:400] + b"damaged here" + whole[412:])
    np.savez(tmp_path / "other.npz", facts=np.frombuffer(b"{}", np.uint8))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("torn.npz", "none.npz", "damaged.npz", "other.npz", "array.npy"):
        with pytest.raises(TrainError, match=r"cannot be read.*try: python -m agentmm.train.packed --help$"):
            PackedRows(tmp_path / name, tmp_path, renderer)


def test_nano_trains_on_packed_rows_with_rows_made_ahead(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "rows.npz"
    asked = ["--store", str(home / "gold.db"), "--home", str(home), "--tokenizer", str(SHIPPED), "--out", str(packed)]
    assert main(asked) == 0
    assert '"rows": 12' in capsys.readouterr().out
    folder = train_nano(0.02, tmp_path / "run", stages=("it",), start=SHIPPED, rows=packed, workers=1, batch_tokens=800)
    assert (folder / "model.safetensors").exists()
    assert not (tmp_path / "run" / "ahead").exists()


@pytest.mark.parametrize("split", ["test", "hard", "val"])
def test_traces_of_splits_that_measure_are_not_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    questions = sample_questions(split, 2, 3, families=["calculation"])
    store, out = tmp_path / "gold.db", tmp_path / "rows.npz"
    assert collect_gold(questions, store, tools=["calculate"], home=tmp_path, workers=1, quiet=True) == 2
    asked = ["--store", str(store), "--home", str(tmp_path), "--tokenizer", str(SHIPPED), "--out", str(out)]
    assert main(asked) == 1
    assert "there is nothing to pack; got '0 rows, 0 left out'" in capsys.readouterr().err
    assert not out.exists()


def test_rows_for_another_model_are_refused(home: Path, tmp_path: Path) -> None:
    renderer = Renderer.from_pretrained(SHIPPED)
    pack(rows_of(home, tmp_path, renderer), tmp_path / "rows.npz")
    with pytest.raises(TrainError, match="for another model"):
        PackedRows(tmp_path / "rows.npz", tmp_path, renderer, size=64)


@pytest.mark.parametrize("wrong", ["--store", "--tokenizer", "--out", "--size"])
def test_packing_refuses_what_cannot_be(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    given = {"--store": str(home / "gold.db"), "--home": str(home), "--tokenizer": str(SHIPPED), "--size": "128"}
    given |= {"--out": str(tmp_path / "rows.npz"), wrong: "-3" if wrong == "--size" else str(tmp_path / "no" / "thing")}
    code = main([word for option, value in given.items() for word in (option, value)])
    assert code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "no").exists()
    assert not (tmp_path / "rows.npz").exists()
