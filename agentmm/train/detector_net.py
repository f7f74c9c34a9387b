"""The detector's network: ultralytics' yolo26n built from the YAML inside its package; never a download."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from agentmm.errors import MissingExtra, TrainError

ARCHITECTURE = "yolo26n"


def home_folder() -> Path:
    """Where agentmm keeps what it must keep between runs."""
    named = os.environ.get("AGENTMM_HOME")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "agentmm"


def quiet_ultralytics() -> None:
    """Set ultralytics' environment, before its first import: offline, no installs, its settings in our cache."""
    home = home_folder() / "ultralytics"
    home.mkdir(parents=True, exist_ok=True)
    for name, value in {
        "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false", "YOLO_CONFIG_DIR": str(home),
    }.items():  # fmt: skip
        os.environ.setdefault(name, value)


def recipe(classes: int) -> dict[str, Any]:
    """The network's description: ultralytics' YAML with our number of classes and scale n.

    Raises:
        MissingExtra: ultralytics is not installed.
        TrainError: this ultralytics has no yolo26.
    """
    quiet_ultralytics()
    try:
        import ultralytics
        import yaml
    except ImportError as error:
        raise MissingExtra("ultralytics", "detect") from error
    path = Path(ultralytics.__file__).parent / "cfg" / "models" / "26" / "yolo26.yaml"
    if not path.is_file():
        raise TrainError("this ultralytics has no yolo26.yaml", got=ultralytics.__version__, expected=">= 8.4")
    return {**yaml.safe_load(path.read_text()), "scale": "n", "nc": classes}


def build(description: dict[str, Any]) -> Any:
    """A fresh `DetectionModel` from its description, with ultralytics' default loss settings in `.args`."""
    quiet_ultralytics()
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    maker: Any = DetectionModel  # its annotations know only paths
    model = maker(dict(description), ch=3, nc=description["nc"], verbose=False)
    model.args = get_cfg()
    return model
