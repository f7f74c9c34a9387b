"""The inner loop: rows to gradient steps, by time or by steps, resumable; torch and numpy only.

It knows no trace, message or tool. The learning rate is a cosine over the stage's time (or steps). Linear layers learn
by Muon, the rest by AdamW: with Muon nano learnt to copy in half the tokens (`docs/log.md`).
Source: Muon, https://kellerjordan.github.io/posts/muon/; its step in the size of AdamW's, arXiv 2502.16982, eq. 4.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from agentmm.errors import TrainError
from agentmm.train.batch import Batch, Batches, batch_loss, hidden_states, make_batch, same
from agentmm.train.parallel import average_gradients, rank, summed
from agentmm.train.rowset import RowSet, batches
from agentmm.train.stage import Progress, Stage, rate_factor

REST_RATE = 0.3
"""Rate of embeddings and norms, as a share of the linear layers'; rare tokens stay apart and can be copied."""

CONVOLUTION = 4
"""Dimensions of a convolution's weight; these learn by AdamW at the full rate."""

LOADERS = 3
"""Processes that make batches ahead for a GPU."""

REPORT_S = 15.0
"""Training seconds between two lines of the log."""

NOTED = 20
"""Steps between two looks at the losses: looking waits for a GPU."""

Refresh = Callable[[int], RowSet | None]
"""Epoch -> new rows, or None where the old ones stay."""


def set_trainable(model: Any, stage: Stage) -> list[torch.optim.Optimizer]:
    """Freeze what the stage does not name; optimizers with peak rates: Muon for linear layers, AdamW for the rest.

    Raises:
        TrainError: the stage names a part that the model lacks.
    """
    model.requires_grad_(False)
    linear, rest = [], []
    for part, rate in stage.rates.items():
        module = getattr(model, part, None)
        if module is None:
            raise TrainError("a stage names a part that the model lacks", got=part)
        module.requires_grad_(True)
        inner = {
            id(layer.weight)
            for name, layer in module.named_modules()
            if isinstance(layer, torch.nn.Linear) and not name.endswith("lm_head")
        }
        parameters = list(module.parameters())
        linear.append({"params": [p for p in parameters if id(p) in inner], "lr": rate, "peak": rate})
        others = [p for p in parameters if id(p) not in inner]
        filters = [p for p in others if p.dim() == CONVOLUTION]
        slow = rate * REST_RATE
        rest.append({"params": filters, "lr": rate, "peak": rate})
        rest.append({"params": [p for p in others if p.dim() != CONVOLUTION], "lr": slow, "peak": slow})
    decayed = [group for group in linear if group["params"]]
    plain = [group for group in rest if group["params"]]
    adamw = torch.optim.AdamW(plain, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    if not decayed:
        return [adamw]
    return [torch.optim.Muon(decayed, weight_decay=stage.weight_decay, adjust_lr_fn="match_rms_adamw"), adamw]


class Trainer:
    """Runs one stage over rows that may grow meanwhile.

    Args:
        model: a `MultimodalLM`.
        stage: what to train.
        seed: of the order of rows.
        device: "cpu" or "cuda".
        checkpoint: file of model, optimizer and progress; None keeps nothing.
        loaders: processes that make batches ahead; None for some on a GPU and none elsewhere.
        log: gets one line now and then.
    """

    def __init__(
        self,
        model: Any,
        stage: Stage,
        *,
        seed: int = 0,
        device: str = "cpu",
        checkpoint: Path | None = None,
        loaders: int | None = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.model, self.stage, self.seed, self.device = model.to(device), stage, seed, device
        self.checkpoint, self.log = checkpoint, log
        self.loaders = LOADERS * device.startswith("cuda") if loaders is None else loaders
        self.optimizers = set_trainable(model, stage)
        self._learnt = [p for group in self._groups() for p in group["params"]]
        self._share = 0.0
        self._unread: list[torch.Tensor] = []
        if device == "cpu":
            model.decoder.set_attn_implementation("eager")  # a quarter faster than SDPA at these lengths
        self.progress = Progress()
        self._saved = self._logged = 0.0

    def run(self, rows: RowSet, refresh: Refresh | None = None) -> Progress:
        """Train until the stage's time or steps are over.

        Args:
            rows: what to train on.
            refresh: asked before each epoch and then every minute for other rows; gets the epoch's number.
        """
        ask = refresh or (lambda epoch: None)
        self.model.train()
        self._share = self.progress.share(self.stage)
        while self._share < 1:
            rows = ask(self.progress.epoch) or rows
            rows = self._epoch(rows, ask)
        self.model.eval()
        self.save()
        return self.progress

    def _epoch(self, rows: RowSet, refresh: Refresh) -> RowSet:
        """One pass over the rows, or up to the moment when they have grown."""
        progress, asked = self.progress, time.monotonic()
        start = time.monotonic()
        for batch in self._batches(rows):
            if self._share >= 1:
                return rows
            tokens = self._step(batch)
            progress.batch += 1
            self._together(tokens)
            now = time.monotonic()
            progress.seconds, start = progress.seconds + now - start, now
            self._report()
            if time.monotonic() - asked > 60:
                asked, grown = time.monotonic(), refresh(progress.epoch)
                if grown is not None:
                    rows = grown
                    break
        progress.epoch, progress.batch = progress.epoch + 1, 0
        return rows

    def _batches(self, rows: RowSet) -> Iterator[Batch]:
        """The batches of this epoch that are left, made ahead by other processes where there are some."""
        config, progress = self.model.config, self.progress
        numbers = batches(rows, self.stage.tokens, self.seed, progress.epoch)
        left = itertools.islice(numbers, progress.batch, None)
        made = Batches(rows, self.stage, config.image_token_id, config.pad_token_id)
        if not self.loaders:
            return (made[chosen] for chosen in left)
        ahead: Any = {"num_workers": self.loaders, "prefetch_factor": 8, "pin_memory": self.device.startswith("cuda")}
        loader = DataLoader(made, batch_size=None, sampler=left, collate_fn=same, **ahead)  # pyright: ignore
        return (batch.to(self.device) for batch in loader)

    def _groups(self) -> list[dict[str, Any]]:
        """All groups of parameters; loading a checkpoint replaces them."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def _step(self, batch: Batch) -> int:
        """One gradient step; gives the batch's tokens."""
        stage = self.stage
        factor = rate_factor(self._share, stage.warmup)
        for group in self._groups():
            group["lr"] = group["peak"] * factor
        with torch.autocast(self.device, torch.bfloat16):
            loss = batch_loss(self.model, batch)
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self._learnt)
        torch.nn.utils.clip_grad_norm_(self._learnt, stage.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        self.progress.steps += 1
        self._unread.append(loss.detach())
        if self.device == "cpu" or len(self._unread) >= NOTED:
            self._read_losses()
        return batch.tokens

    def _read_losses(self) -> None:
        """Note the losses since the last look.

        Raises:
            TrainError: one of them is not finite.
        """
        values = torch.stack(self._unread).tolist() if self._unread else []
        self._unread.clear()
        if not all(map(math.isfinite, values)):
            raise TrainError(
                "the loss is not finite", got=values, mend="a lower learning rate, or resume from the last checkpoint"
            )
        self.progress.losses = [*self.progress.losses, *values][-50:]

    def _together(self, tokens: int) -> None:
        """Count the step; all processes go by the clock of the first."""
        share = self.progress.share(self.stage) if rank() == 0 else 0.0
        tokens_of_all, self._share = summed(float(tokens), share)
        self.progress.tokens += int(tokens_of_all)

    def _report(self) -> None:
        """A line every 15 s and a checkpoint every `save_s`, measured in training seconds."""
        progress = self.progress
        if progress.seconds - self._logged > REPORT_S:
            self._logged = progress.seconds
            self._read_losses()
            mean = sum(progress.losses) / len(progress.losses)
            self.log(
                f"{self.stage.name}: {progress.seconds:.0f} s, step {progress.steps}, epoch {progress.epoch},"
                f" loss {mean:.4f}, {progress.tokens / progress.seconds:.0f} tokens/s"
            )
        if progress.seconds - self._saved > self.stage.save_s:
            self._saved = progress.seconds
            self.save()

    def save(self) -> None:
        """Write the checkpoint, atomically; the first process does."""
        self._read_losses()
        if self.checkpoint is None or rank() > 0:
            return
        state = {
            "stage": self.stage.name,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": vars(self.progress),
        }
        partial = self.checkpoint.with_suffix(".part")
        torch.save(state, partial)
        os.replace(partial, self.checkpoint)

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one of this stage.

        Raises:
            TrainError: the checkpoint cannot be read or fits another model.
        """
        state = read_checkpoint(self.checkpoint)
        if state is None or state["stage"] != self.stage.name:
            return False
        try:
            self.model.load_state_dict(state["model"])
            for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(kept)
        except (RuntimeError, ValueError, KeyError) as error:
            raise TrainError(
                "the checkpoint fits another model", got=str(self.checkpoint), mend="remove it to start anew"
            ) from error
        self.progress = Progress(**state["progress"])
        self._saved = self._logged = self.progress.seconds
        return True


def read_checkpoint(path: Path | None) -> dict[str, Any] | None:
    """A checkpoint's content, tensors and plain values only; None where there is no file.

    Raises:
        TrainError: the file is not a checkpoint.
    """
    if path is None or not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainError("the checkpoint cannot be read", got=str(path), mend="remove it to start anew") from error
    if not isinstance(state, dict) or "stage" not in state:
        raise TrainError("the file is not a training checkpoint", got=str(path), mend="remove it to start anew")
    return state


@torch.no_grad()
def evaluate(model: Any, rows: RowSet, stage: Stage, device: str = "cpu", limit: int = 512) -> dict[str, float]:
    """Loss, share of right tokens, and share of rows whose assistant tokens are all right (teacher forced)."""
    model.eval()
    config, totals = model.config, np.zeros(5)
    chosen = np.argsort(rows.lengths[:limit], kind="stable")
    for part in _parts(chosen, rows, stage.tokens):
        batch = make_batch(rows, part, stage, config.image_token_id, config.pad_token_id).to(device)
        with torch.autocast(device, torch.bfloat16):
            logits = model.decoder.lm_head(hidden_states(model, batch)[:, :-1]).float()
        targets, mask = batch.ids[:, 1:], batch.weights[:, 1:] == 1
        right = (logits.argmax(-1) == targets) | ~mask
        losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        totals += [
            float((losses * mask).sum()),
            int((right & mask).sum()),
            int(mask.sum()),
            int(right.all(1).sum()),
            len(part),
        ]
    return {
        "loss": totals[0] / totals[2],
        "token_accuracy": totals[1] / totals[2],
        "row_accuracy": totals[3] / totals[4],
    }


def _parts(chosen: Any, rows: RowSet, tokens: int) -> Iterator[Any]:
    """Row numbers in groups of at most `tokens` padded tokens."""
    size = max(1, tokens // int(rows.lengths.max()))
    for start in range(0, len(chosen), size):
        yield chosen[start : start + size]
