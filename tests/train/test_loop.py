"""The inner loop: batches, shared prefix = unshared, weights, freezing, resume, growing rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agentmm.errors import TrainError
from agentmm.model import MultimodalLM, load_preset
from agentmm.train.batch import Batch, batch_loss, make_batch
from agentmm.train.loop import Trainer, evaluate
from agentmm.train.rowset import PixelFile, Row, RowSet, batches, common_prefix
from agentmm.train.stage import Progress, Stage, rate_factor

RATES = {"encoder": 3e-3, "projector": 3e-3, "decoder": 3e-3}


def tiny():
    torch.manual_seed(0)
    return MultimodalLM(load_preset("tiny"))


def some_rows(n=6, seed=0, prefix=20):
    rng = np.random.default_rng(seed)
    shared, rows = rng.integers(20, 200, prefix).tolist(), []
    for i in range(n):
        ids = shared + rng.integers(20, 200, int(rng.integers(24, 40))).tolist()
        ids[prefix + 1 : prefix + 17] = [6] * 16
        rows.append(Row(ids, [0] * (prefix + 18) + [1] * (len(ids) - prefix - 18), [i % 2]))
    return RowSet.of(rows, rng.integers(0, 255, (2, 128, 128, 3), dtype=np.uint8))


def test_every_row_once_an_epoch_within_the_token_limit():
    rows = some_rows(50)
    parts = list(batches(rows, 200, seed=1, epoch=0))
    assert sorted(np.concatenate(parts).tolist()) == list(range(50))
    assert all(20 + len(part) * (rows.lengths[part].max() - 20) <= 200 for part in parts)
    assert max(len(part) * rows.lengths[part].max() for part in parts) > 200  # what all begin with counts once
    again = list(batches(rows, 200, seed=1, epoch=0))
    assert [p.tolist() for p in parts] == [p.tolist() for p in again]
    assert [p.tolist() for p in parts] != [p.tolist() for p in batches(rows, 200, seed=1, epoch=1)]


def test_rows_of_another_beginning_have_batches_of_their_own():
    episodes, drills = list(some_rows(30)), [Row([5, 7 + i, 8, 9], [0, 1, 1, 1]) for i in range(30)]
    rows = RowSet.of([*episodes, *drills], np.zeros((2, 128, 128, 3), np.uint8))
    for part in batches(rows, 400, seed=1, epoch=0):
        picked = [rows.row(int(i)) for i in part]
        assert len({row.ids[0] for row in picked}) == 1
        assert len(picked) == 1 or picked[0].ids[0] == 5 or common_prefix(picked) >= 20


def test_common_prefix_stops_at_image_loss_and_difference():
    assert common_prefix([Row([1, 2, 3, 4], [0] * 4), Row([1, 2, 9, 4], [0] * 4)], 6) == 2
    assert common_prefix([Row([1, 6, 3, 4], [0] * 4)] * 2, 6) == 1
    assert common_prefix([Row([1, 2, 3, 4], [0, 1, 1, 1])] * 2, 6) == 1
    assert common_prefix([Row([1, 2, 3, 4], [0] * 4)], 6) == 0


def test_shared_prefix_equals_unshared():
    model, stage = tiny(), Stage("it", RATES, steps=1)
    batch = make_batch(some_rows(), range(6), stage, 6, 0)
    assert batch.prefix.shape == (1, 20)
    count = len(batch.ids)
    weights = torch.cat([torch.zeros(count, 20), batch.weights], 1)
    whole = Batch(
        batch.prefix[:, :0],
        torch.cat([batch.prefix.expand(count, -1), batch.ids], 1),
        weights,
        weights[:, 1:].reshape(-1).nonzero().squeeze(1),
        batch.pixels,
        0,
    )
    grads = []
    for one in (batch, whole):
        model.zero_grad()
        loss = batch_loss(model, one)
        loss.backward()
        grads.append(
            (loss.detach(), model.get_input_embeddings().weight.grad.clone(), model.encoder.position.grad.clone())
        )
    for shared, plain in zip(*grads, strict=True):
        torch.testing.assert_close(shared, plain, atol=1e-6, rtol=1e-4)


def test_loss_is_the_weighted_mean_at_the_targets():
    """Two targets of weight 1 and one read token of weight 0.5, from the plain forward."""
    model, stage = tiny(), Stage("it", RATES, steps=1, other_weight=0.5)
    row = Row([30, 31, 32, 33], [0, 0, 1, 1])
    loss = batch_loss(model, make_batch(RowSet.of([row]), [0], stage, 6, 0))
    logs = model(input_ids=torch.tensor([[30, 31, 32, 33]])).logits[0].log_softmax(-1)
    byhand = -(0.5 * logs[0, 31] + logs[1, 32] + logs[2, 33]) / 2.5
    torch.testing.assert_close(loss, byhand)


def test_a_part_that_the_stage_does_not_name_stays():
    model = tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Trainer(model, Stage("pt", {"projector": 1e-2}, steps=2, tokens=300)).run(some_rows())
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"projector"}
    with pytest.raises(TrainError, match="lacks"):
        Trainer(model, Stage("x", {"generator": 1.0}, steps=1))


def test_training_learns_its_rows():
    model, rows, stage = tiny(), some_rows(4), Stage("it", RATES, steps=120, tokens=400)
    before = evaluate(model, rows, stage)["loss"]
    progress = Trainer(model, stage).run(rows)
    assert progress.steps == 120
    assert evaluate(model, rows, stage)["loss"] < before - 2


def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    def trainer(path):
        return Trainer(tiny(), Stage("it", RATES, steps=8, tokens=120), seed=3, checkpoint=path)

    rows = some_rows(8)
    whole = trainer(None)
    whole.run(rows)
    first = trainer(tmp_path / "it.pt")
    step, taken = first._step, []

    def dies(*args):
        if len(taken) == 4:
            raise KeyboardInterrupt
        taken.append(step(*args))
        first.progress.batch += 1
        first.save()
        first.progress.batch -= 1
        return taken[-1]

    first._step = dies
    with pytest.raises(KeyboardInterrupt):
        first.run(rows)
    second = trainer(tmp_path / "it.pt")
    assert second.resume()
    assert second.progress.steps == 4
    second.run(rows)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], value, msg=name)


def test_a_broken_checkpoint_is_one_clear_line(tmp_path):
    (tmp_path / "it.pt").write_bytes(b"no checkpoint")
    with pytest.raises(TrainError, match="cannot be read"):
        Trainer(tiny(), Stage("it", RATES, steps=1), checkpoint=tmp_path / "it.pt").resume()
    torch.save({"stage": "lm"}, tmp_path / "lm.pt")
    assert not Trainer(tiny(), Stage("it", RATES, steps=1), checkpoint=tmp_path / "lm.pt").resume()


def test_rows_may_grow_meanwhile():
    asked = []

    def refresh(epoch):
        asked.append(epoch)
        return some_rows(8) if epoch == 1 else None

    Trainer(tiny(), Stage("it", RATES, steps=6, tokens=120)).run(some_rows(2), refresh)
    assert asked[:2] == [0, 1]


def test_rates_rise_then_fall():
    assert rate_factor(0.05, 0.1) == pytest.approx(0.5)
    assert rate_factor(0.1, 0.1) == pytest.approx(1.0)
    assert rate_factor(1.0, 0.1) == pytest.approx(0.02)
    assert Progress(seconds=30).share(Stage("x", {}, minutes=1)) == 0.5
    with pytest.raises(TrainError, match="minutes or steps"):
        Progress().share(Stage("x", {}))


def test_rows_must_fit():
    with pytest.raises(TrainError, match="nothing to train on"):
        RowSet.of([])
    with pytest.raises(TrainError, match="does not fit"):
        RowSet.of([Row([1, 2], [1])])
    with pytest.raises(TrainError, match="does not fit"):
        RowSet.of([Row([1, 2], [0, 1], [0])])


def test_pixel_file_keeps_squares_and_drops_a_torn_one(tmp_path):
    file = PixelFile(tmp_path / "s.u8", size=2)
    assert file.add("a", np.full((2, 2, 3), 1, np.uint8)) == 0
    assert file.add("b", np.full((2, 2, 3), 2, np.uint8)) == 1
    assert file.add("a", np.full((2, 2, 3), 9, np.uint8)) == 0
    with (tmp_path / "s.u8").open("ab") as torn:
        torn.write(b"xyz")
    again = PixelFile(tmp_path / "s.u8", size=2)
    assert again.array()[:, 0, 0, 0].tolist() == [1, 2]
    assert again.add("c", np.full((2, 2, 3), 3, np.uint8)) == 2
    assert again.array()[:, 0, 0, 0].tolist() == [1, 2, 3]


def test_batches_made_ahead_are_the_same():
    weights = []
    for loaders in (0, 2):
        trainer = Trainer(tiny(), Stage("it", RATES, steps=6, tokens=120), seed=3, loaders=loaders)
        trainer.run(some_rows(8))
        weights.append(trainer.model.state_dict())
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, msg=name)


def test_sets_are_joined_and_kept_on_disk(tmp_path):
    first, second = some_rows(3, seed=1), some_rows(4, seed=2)
    whole = RowSet.joined([first, second])
    assert len(whole) == 7
    for ours, theirs in zip(whole, [*first, *second], strict=True):
        assert list(ours.ids) == list(theirs.ids)
        assert list(ours.mask) == list(theirs.mask)
    shown = [whole.pixels[whole.row(i).images] for i in range(7)]
    wanted = [one.pixels[one.row(i).images] for one in (first, second) for i in range(len(one))]
    assert all(np.array_equal(a, b) for a, b in zip(shown, wanted, strict=True))
    whole.save(tmp_path / "set")
    again = RowSet.load(tmp_path / "set")
    assert again.digest == whole.digest
    assert np.array_equal(again.pixels[[0, 3]], whole.pixels[[0, 3]])
    RowSet.of([Row([1, 2], [0, 1])]).save(tmp_path / "bare")
    assert len(RowSet.load(tmp_path / "bare").pixels) == 0
