"""The networks behind `detect`: the shapes detector that ships here, and any other ultralytics weights.

No tool itself (the underscore keeps it out of discovery). Nothing here knows colours, sizes or words.
"""

from __future__ import annotations

import json
import os
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

import agentmm
from agentmm.errors import ConfigError, MissingExtra, ToolError
from agentmm.media.boxes import distinct
from agentmm.media.home import default_home

SHIPPED = Path(agentmm.__file__).resolve().parent / "weights" / "detector"
LONGEST_PX = 640
_LOCK = threading.Lock()  # an ultralytics head keeps its anchors between calls
_GREY = 114


@dataclass(frozen=True)
class Finding:
    """One thing that a network found: its label, its box (xyxy) in px of the picture and its score, 0..1."""

    label: str
    box: tuple[float, float, float, float]
    score: float


class Network(Protocol):
    """A detector."""

    labels: tuple[str, ...]

    def find(self, pixels: NDArray[np.uint8], confidence: float, threads: int) -> list[Finding]:
        """Search uint8 [H, W, 3]; what scores at least `confidence`, or the network's own threshold for 0."""
        ...


def load_network(weights: str = "") -> Network:
    """A network, loaded once; with empty `weights` the one that ships here.

    Raises:
        MissingExtra: ultralytics is not installed.
        ConfigError: there are no such weights, or they cannot be loaded.
    """
    with _LOCK:
        return _loaded(weights)


@lru_cache(maxsize=4)
def _loaded(weights: str) -> Network:
    _prepare()
    try:
        import ultralytics  # noqa: F401  # only whether it is installed
    except ImportError as error:
        raise MissingExtra("ultralytics", "detect") from error
    return ForeignNetwork(weights) if weights else ShapesNetwork(SHIPPED)


def _prepare() -> None:
    """Keep ultralytics, before its first import, from looking up hosts, installing packages and writing elsewhere."""
    home = default_home() / "ultralytics"
    home.mkdir(parents=True, exist_ok=True)
    settings = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
    for name, value in {**settings, "YOLO_CONFIG_DIR": str(home)}.items():
        os.environ.setdefault(name, value)


class ShapesNetwork:
    """Our own detector, from safetensors and YAML; its manifest has the head and the thresholds.

    Args:
        folder: with `model.safetensors`, `model.yaml` and `manifest.json`.

    Raises:
        ConfigError: a file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        import yaml
        from safetensors.torch import load_file
        from ultralytics.nn.tasks import DetectionModel

        try:
            manifest = json.loads((folder / "manifest.json").read_text())
            description = yaml.safe_load((folder / "model.yaml").read_text())
            state = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
        except (OSError, ValueError) as error:
            mend = "agentmm train detector"
            raise ConfigError("the detector's weights cannot be read", got=str(folder), mend=mend) from error
        self.labels = tuple(manifest["classes"])
        self.threshold = manifest["threshold"]
        self.side_px = int(manifest["search_px"])
        model = DetectionModel(description, ch=3, nc=len(self.labels), verbose=False)
        model.load_state_dict(state, strict=False)
        model.end2end = self.threshold["head"] == "one2one"
        self._model = model.eval().fuse(verbose=False).requires_grad_(False)

    def find(self, pixels: NDArray[np.uint8], confidence: float, threads: int) -> list[Finding]:
        """Search uint8 [H, W, 3]; see `Network`."""
        fed, scale = _fitted(pixels, self.side_px)
        boxes, scores, classes = self._predict(fed, threads)
        sure = scores >= (confidence or self.threshold["confidence"])
        boxes, scores, classes = boxes[sure], scores[sure], classes[sure]
        boxes = (boxes / scale).clip(0, [pixels.shape[1], pixels.shape[0]] * 2)
        solid = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) > 0.5
        kept = [k for k in _thinned(boxes, scores, self.threshold["iou"]) if solid[k]]
        return [_finding(self.labels[int(classes[k])], boxes[k], scores[k]) for k in kept]

    def _predict(self, fed: NDArray[np.uint8], threads: int) -> tuple[NDArray[np.float32], ...]:
        """Boxes [n, 4] in px of the fed picture, scores [n], classes [n] of every anchor."""
        import torch

        tensor = torch.from_numpy(fed).permute(2, 0, 1)[None].float() / 255
        with _LOCK, torch.inference_mode():
            before = torch.get_num_threads()
            if before > threads:
                torch.set_num_threads(threads)
            try:
                answer = self._model(tensor)[0][0].numpy()
            finally:
                if before > threads:
                    torch.set_num_threads(before)
        if self.threshold["head"] == "one2one":
            return answer[:, :4], answer[:, 4], answer[:, 5]
        half, middle, scores = answer[2:4].T / 2, answer[:2].T, answer[4:]
        return np.concatenate([middle - half, middle + half], axis=1), scores.max(0), scores.argmax(0)


def _fitted(pixels: NDArray[np.uint8], side_px: int) -> tuple[NDArray[np.uint8], float]:
    """The picture with its shorter side at `side_px` (the longer at most LONGEST_PX), padded to whole strides."""
    height, width = pixels.shape[:2]
    scale = min(side_px / min(height, width), LONGEST_PX / max(height, width))
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    if (wide, high) != (width, height):
        picture = PILImage.fromarray(pixels).resize((wide, high), PILImage.Resampling.BILINEAR)
        pixels = np.asarray(picture)
    padded = np.full((-(-high // 32) * 32, -(-wide // 32) * 32, 3), _GREY, np.uint8)
    padded[:high, :wide] = pixels
    return padded, scale


def _thinned(boxes: NDArray[np.float32], scores: NDArray[np.float32], iou: float) -> list[int]:
    """Numbers of the boxes to keep, surest first: of two that overlap more than `iou` the less sure goes."""
    order = np.argsort(-scores, kind="stable")[:300]
    return [int(order[index]) for index in distinct(boxes[order], iou)]


def _finding(label: str, box: NDArray[np.float32], score: float) -> Finding:
    x0, y0, x1, y1 = (float(v) for v in box)
    return Finding(label, (x0, y0, x1, y1), float(score))


class ForeignNetwork:
    """Any detection weights or model description that ultralytics loads (YOLO of any age, RT-DETR).

    Args:
        weights: a path, a name under `$AGENTMM_HOME/weights`, or a `.yaml` inside ultralytics (untrained).

    Raises:
        ConfigError: there are no such weights here, or ultralytics cannot load them.
    """

    def __init__(self, weights: str) -> None:
        import ultralytics

        path = _located(weights)
        library: Any = ultralytics
        kind = library.RTDETR if "rtdetr" in path.name.lower() else library.YOLO
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._model: Any = kind(str(path))
                names = self._model.names
        except Exception as error:
            raise ConfigError(f"ultralytics cannot load these weights: {error}", got=weights) from error
        self._names = {int(k): str(v) for k, v in dict(names).items()}
        self.labels = tuple(self._names.values())

    def find(self, pixels: NDArray[np.uint8], confidence: float, threads: int) -> list[Finding]:
        """Search uint8 [H, W, 3]; see `Network`."""
        with _LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found: Any = self._model.predict(pixels[:, :, ::-1].copy(), conf=confidence or 0.25, verbose=False)
            except Exception as error:
                raise ToolError(f"the detector failed: {type(error).__name__}: {error}") from error
        if found[0].boxes is None:
            return []
        rows = found[0].boxes.data.cpu().numpy()
        return [_finding(self._names[int(row[5])], row[:4], row[4]) for row in rows]


def _located(weights: str) -> Path:
    """Where the weights are; a name that is not here is left to ultralytics when the user allows it to download."""
    for path in (Path(weights).expanduser(), default_home() / "weights" / weights):
        if path.is_file():
            return path
    if weights.endswith((".yaml", ".yml")) or os.environ.get("YOLO_OFFLINE", "").lower() in ("false", "0", "no"):
        return Path(weights)
    mend = "give a path, or YOLO_OFFLINE=false to let ultralytics download it"
    raise ConfigError("no such detector weights", got=weights, expected="a file here or a shipped name", mend=mend)
