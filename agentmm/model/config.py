"""The five-component configuration and its YAML presets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from transformers import AutoConfig, PretrainedConfig
from transformers.models.qwen3 import Qwen3Config

from agentmm.errors import ConfigError

PRESETS = Path(__file__).parent / "presets"
DEFAULT_COMPONENTS: dict[str, dict[str, Any]] = {
    "encoder": {"name": "vit", "image_size": 128, "patch_size": 16, "width": 32, "layers": 1, "heads": 2},
    "projector": {"name": "mlp", "merge": 2},
    "fusion": {"name": "splice"},
    "decoder": {"name": "qwen3"},
    "output_projector": {"name": "none"},
    "generator": {"name": "none"},
}


class MultimodalConfig(PretrainedConfig):
    """Names and sizes of the five components: encoder, projector, backbone, output projector, generator.

    Args:
        components: slot -> `{"name": ..., sizes}`; slots that are not named get a small default or "none".
            `image_size` and `patch_size` of the encoder are in px.
        text_config: the backbone's own Hugging Face configuration.
        image_token_id: id of the placeholder that one projected image token replaces.
        stages: per training stage, what is trained and at which learning rate (`{"pt": {"encoder": 1e-3}}`);
            a part that is not named is frozen.
        respells: results are shown to it in the question's lower case (`planner/spelling.py`).
    """

    model_type = "agentmm"
    sub_configs: ClassVar[dict[str, Any]] = {"text_config": AutoConfig}

    def __init__(
        self,
        components: dict[str, dict[str, Any]] | None = None,
        text_config: PretrainedConfig | dict[str, Any] | None = None,
        image_token_id: int = 6,
        stages: dict[str, dict[str, float]] | None = None,
        respells: bool = False,
        **kwargs: Any,
    ) -> None:
        self.components = {**DEFAULT_COMPONENTS, **(components or {})}
        self.text_config = _text_config(text_config)
        self.image_token_id, self.stages, self.respells = image_token_id, stages or {}, respells
        kwargs.setdefault("tie_word_embeddings", self.text_config.tie_word_embeddings)
        for name in ("pad_token_id", "eos_token_id", "bos_token_id"):
            kwargs.setdefault(name, getattr(self.text_config, name, None))
        super().__init__(**kwargs)

    @property
    def image_size(self) -> int:
        """Side of the square that the encoder sees, in px."""
        return self.components["encoder"]["image_size"]

    @property
    def image_tokens(self) -> int:
        """Tokens that one image takes in the backbone."""
        encoder, merge = self.components["encoder"], self.components["projector"].get("merge", 1)
        side = encoder["image_size"] // encoder["patch_size"] // merge
        return side * side


def _text_config(value: PretrainedConfig | dict[str, Any] | None) -> PretrainedConfig:
    """A backbone configuration from a dict (by its `model_type`), an object or nothing."""
    if isinstance(value, PretrainedConfig):
        return value
    fields: dict[str, Any] = dict(
        value or {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 2048}
    )
    return AutoConfig.for_model(fields.pop("model_type", "qwen3"), **fields) if value else Qwen3Config(**fields)


def preset_names() -> list[str]:
    """Names of the presets that ship with the package, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_preset(name: str, **text_overrides: Any) -> MultimodalConfig:
    """The configuration that a preset describes.

    Args:
        name: a preset's name, for example "nano".
        text_overrides: fields of the backbone to replace, for example `vocab_size=512`.

    Raises:
        ConfigError: no such preset.
    """
    import yaml

    path = PRESETS / f"{name}.yaml"
    if name not in preset_names():
        raise ConfigError("unknown preset", got=name, expected=f"one of {', '.join(preset_names())}")
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    fields["text_config"] = {**fields["text_config"], **text_overrides}
    return MultimodalConfig(**fields)
