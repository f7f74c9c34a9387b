"""Measures the detector on scenes, picks its head and thresholds, and writes it with its manifest.

Scenes of three streams of the training's seed are used: thresholds are picked on the validation stream and everything
in the manifest is measured on the held-out stream.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agentmm.media.boxes import distinct, overlap
from agentmm.media.opening import file_sha
from agentmm.train.detector_data import HELD_OUT, SIDE_PX, VALIDATION, boxes_of, sample_at, scene_at
from agentmm.train.detector_net import ARCHITECTURE, build
from agentmm.train.manifest import versions
from agentmm.world.scenes import DIFFICULTY, SHAPES, Scene

if TYPE_CHECKING:
    from agentmm.train.detector import Training

Array = NDArray[np.float32]
HEADS = ("one2many", "one2one")
IOUS = np.linspace(0.5, 0.95, 10)
LOWEST = 0.02
_PACKAGES = ("agentmm", "torch", "ultralytics", "numpy", "pillow", "safetensors")
SEARCH_PX = 320
"""Pictures are searched larger than they are trained: small ones are found better (all counts right: 78 % -> 86 %)."""


@dataclass(frozen=True)
class Threshold:
    """How raw predictions become detections.

    Attributes:
        head: `one2many` or `one2one`.
        confidence: predictions below it are dropped.
        iou: of two boxes that overlap more, whatever their classes, the less confident is dropped.
    """

    head: str = "one2many"
    confidence: float = 0.4
    iou: float = 0.65


@dataclass(frozen=True)
class Found:
    """Predictions for one picture, best first: boxes [n, 4] px, scores [n], classes [n]."""

    boxes: Array
    scores: Array
    classes: NDArray[np.int64]

    def keep(self, index: Any) -> Found:
        """The predictions at an index or mask."""
        return Found(self.boxes[index], self.scores[index], self.classes[index])


def thinned(found: Found, threshold: Threshold) -> Found:
    """Drop the unsure and, of boxes that overlap too much, the less sure."""
    sure = found.keep(found.scores >= threshold.confidence)
    return sure.keep(np.array(distinct(sure.boxes, threshold.iou), dtype=np.int64))


def predict(model: Any, pictures: Sequence[NDArray[np.uint8]], batch: int = 16) -> list[dict[str, Found]]:
    """What both heads say of square pictures searched at SEARCH_PX, everything above a very low score."""
    import torch

    device = next(model.parameters()).device
    answers: list[dict[str, Found]] = []
    for start in range(0, len(pictures), batch):
        stack = torch.from_numpy(np.stack([_enlarged(p) for p in pictures[start : start + batch]])).to(device)
        with torch.inference_mode():
            raw = model(stack.permute(0, 3, 1, 2).float() / 255)[1]
            heads = {name: _decoded(model, raw[name]) for name in HEADS}
        scale = SEARCH_PX / pictures[start].shape[0]
        answers += [{name: _ranked(rows[k], scale) for name, rows in heads.items()} for k in range(len(stack))]
    return answers


def _enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((SEARCH_PX, SEARCH_PX), Image.Resampling.BILINEAR))


def _decoded(model: Any, raw: dict[str, Any]) -> Array:
    """[B, anchors, 4 + classes]: xyxy px and scores, of one head."""
    from ultralytics.utils.tal import dist2bbox, make_anchors

    head = model.model[-1]
    anchors, strides = make_anchors(raw["feats"], head.stride, 0.5)
    boxes = dist2bbox(raw["boxes"].permute(0, 2, 1), anchors, xywh=False, dim=-1) * strides
    return np.concatenate([boxes.cpu().numpy(), raw["scores"].permute(0, 2, 1).sigmoid().cpu().numpy()], axis=-1)


def _ranked(rows: Array, scale: float) -> Found:
    """The best class of each anchor, best anchors first, at most 300; boxes in px of the picture as given."""
    classes, scores = rows[:, 4:].argmax(-1), rows[:, 4:].max(-1)
    order = np.argsort(-scores, kind="stable")[:300]
    order = order[scores[order] >= LOWEST]
    return Found(rows[order, :4] / np.float32(scale), scores[order], classes[order].astype(np.int64))


def count_accuracy(scenes: Sequence[Scene], found: Iterable[Found]) -> dict[str, float]:
    """Share of right counts: `shape` over all (scene, shape asked for), `scene` where all six counts are right."""
    right = []
    for scene, picture in zip(scenes, found, strict=True):
        truth = [scene.count(shape) for shape in SHAPES]
        counted = np.bincount(picture.classes, minlength=len(SHAPES))
        right.append([int(counted[k]) == truth[k] for k in range(len(SHAPES))])
    table = np.array(right, dtype=bool)
    return {"shape": float(table.mean()), "scene": float(table.all(axis=1).mean())}


def pick(scenes: Sequence[Scene], answers: Sequence[dict[str, Found]]) -> Threshold:
    """The threshold with the most scenes counted right; among equals the one nearest to the middle of the grid."""
    scores, limits = np.arange(0.1, 0.61, 0.05).round(2), (0.45, 0.55, 0.65, 0.75)
    grid = [Threshold(head, float(score), limit) for head, score, limit in product(HEADS, scores, limits)]

    def value(threshold: Threshold) -> tuple[float, float]:
        found = [thinned(answer[threshold.head], threshold) for answer in answers]
        return count_accuracy(scenes, found)["scene"], -abs(threshold.confidence - 0.35)

    return max(grid, key=value)


def mean_precision(scenes: Sequence[Scene], found: Sequence[Found]) -> dict[str, float]:
    """mAP50 and mAP50-95 (101-point interpolation, mean over classes), boxes of the whole shapes being the truth."""
    table = np.array([[_precision(scenes, found, k, iou) for iou in IOUS] for k in range(len(SHAPES))])
    return {"mAP50": float(table[:, 0].mean()), "mAP50-95": float(table.mean())}


def _precision(scenes: Sequence[Scene], found: Sequence[Found], kind: int, iou: float) -> float:
    """Average precision of one class at one IoU."""
    scores, hits, truths = [], [], 0
    for scene, picture in zip(scenes, found, strict=True):
        truth = boxes_of(scene)[[s.shape == SHAPES[kind] for s in scene.shapes]]
        mine = picture.keep(picture.classes == kind)
        truths += len(truth)
        scores += mine.scores.tolist()
        hits += _matched(overlap(mine.boxes, truth), iou)
    order = np.argsort(-np.array(scores), kind="stable")
    right = np.cumsum(np.array(hits, dtype=float)[order])
    recall, precision = right / max(1, truths), right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(np.append(envelope, 0.0)[at].mean())


def _matched(table: Array, iou: float) -> list[bool]:
    """Whether each prediction, best first, gets a truth of its own: [n, m] -> n flags."""
    free, flags = np.ones(table.shape[1], dtype=bool), []
    for row in table:
        best = int(np.where(free, row, -1).argmax()) if free.any() else -1
        hit = best >= 0 and bool(row[best] >= iou)
        if hit:
            free[best] = False
        flags.append(hit)
    return flags


def measure(
    model: Any, seed: int, number: int = 500, difficulty: float = DIFFICULTY
) -> tuple[Threshold, dict[str, Any]]:
    """Pick thresholds on `number` validation scenes and measure on as many held-out ones."""
    pictures = [scene_at(seed, VALIDATION, k, difficulty) for k in range(number)]
    threshold = pick(pictures, predict(model, [s.pixels for s in pictures]))
    scenes = [scene_at(seed, HELD_OUT, k, difficulty) for k in range(number)]
    answers = predict(model, [s.pixels for s in scenes])
    metrics: dict[str, Any] = {"scenes": number, "difficulty": difficulty}
    for head in HEADS:
        loose = [thinned(a[head], Threshold(head, LOWEST, 0.7 if head == "one2many" else 1.0)) for a in answers]
        metrics[head] = {name: round(value, 4) for name, value in mean_precision(scenes, loose).items()}
    counts = count_accuracy(scenes, [thinned(a[threshold.head], threshold) for a in answers])
    metrics["count_accuracy"] = {name: round(value, 4) for name, value in counts.items()}
    return threshold, metrics


def data_hash(seed: int, number: int = 16) -> str:
    """SHA-256 of the first training samples' pixels and boxes (to 1/100 px)."""
    digest = hashlib.sha256()
    for index in range(number):
        sample = sample_at(seed, index)
        digest.update(sample.pixels.tobytes())
        digest.update((sample.boxes * 100).round().astype(np.int64).tobytes() + sample.classes.tobytes())
    return digest.hexdigest()


def publish(training: Training, out: Path, *, score: bool = True, scenes: int = 500) -> dict[str, Any]:
    """Write `model.safetensors` (half precision), `model.yaml` and `manifest.json`; returns the manifest."""
    import torch
    import yaml
    from safetensors.torch import save_file

    half = {k: v.detach().cpu().contiguous() for k, v in training.averaged.items() if not k.endswith("batches_tracked")}
    half = {k: v.to(torch.float16) for k, v in half.items()}
    threshold, metrics = Threshold(), {}
    if score:
        model = build(training.description)
        model.load_state_dict({k: v.float() for k, v in half.items()}, strict=False)
        threshold, metrics = measure(model.eval(), training.settings.seed, scenes)
    out.mkdir(parents=True, exist_ok=True)
    part = out / "model.part"
    save_file(half, part)
    part.chmod(0o644)
    os.replace(part, out / "model.safetensors")
    (out / "model.yaml").write_text(yaml.safe_dump(training.description, sort_keys=False))
    manifest = {
        "name": "agentmm-shapes", "architecture": ARCHITECTURE, "license": "AGPL-3.0", "classes": list(SHAPES),
        "trained_px": SIDE_PX, "search_px": SEARCH_PX, "threshold": asdict(threshold), "metrics": metrics,
        "recipe": {**asdict(training.settings), "minutes": round(training.spent_s / 60, 2), "steps": training.step,
                   "pictures": training.step * training.settings.batch, "device": training.device},
        "seed": training.settings.seed, "data_hash": data_hash(training.settings.seed),
        "sha256": file_sha(out / "model.safetensors"),
        "versions": {"python": platform.python_version(), **versions(_PACKAGES)},
    }  # fmt: skip
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
