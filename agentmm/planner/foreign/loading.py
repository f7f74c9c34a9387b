"""From `hf:NAME` to a planner: any model of transformers that sees or hears, from a folder or the hub.

No code that comes with a model is run. `hf:NAME?adapter=FOLDER` puts a LoRA adapter (PEFT) on top;
`?bits=4` and `?bits=8` load a model's weights in so many bits (bitsandbytes, on a GPU); `?batch=exact` gives each
episode of a batch passes of its own.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from agentmm.errors import MissingExtra, PlannerError, UnknownPlanner
from agentmm.planner.foreign.naming import FORM, Named, identity
from agentmm.planner.foreign.packages import packages_told
from agentmm.planner.foreign.weights import first_line, load_weights, quietly

_PATIENCE_S = 5
"""How long the hub may take to answer."""

_BASE = "an adapter that peft saved of this very model (base_model_name_or_path in its adapter_config.json)"


def load_foreign(name: str, *, device: str | None = None, dtype: Any = None, **options: Any) -> Any:
    """A planner on a model of transformers.

    Args:
        name: `hf:FOLDER` or `hf:OWNER/NAME`, with `?adapter=FOLDER` for a LoRA adapter, `?bits=4` or `?bits=8`,
            `?batch=exact`.
        device: a torch device; a GPU where there is one.
        dtype: a torch dtype or its name; float32 on the CPU, as it was saved on a GPU.
        **options: fields of `ForeignChat`, for example `temperature=0.7`.

    Raises:
        MissingExtra: torch, transformers, peft or bitsandbytes is not installed.
        UnknownPlanner: there is no such model, or it is none that sees or hears.
        PlannerError: it has no processor, no usable template or no usable vocabulary; a package that it needs is not
            installed; or bits without a GPU.
    """
    try:
        import torch
        from transformers.utils.logging import disable_progress_bar

        from agentmm.planner.foreign.chat import ForeignChat
        from agentmm.planner.foreign.vocabulary import check
    except ImportError as error:
        raise MissingExtra(error.name or "torch", "local") from error
    named = Named.of(name)
    disable_progress_bar()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    small = {} if named.bits is None else in_bits(named.bits, device)
    source = _source(named.place)
    if device.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False  # else convolutions round what is in float32
    precision = dtype or ("auto" if device.startswith("cuda") else torch.float32)
    with quietly(), packages_told(named.place):
        config = _config(named.place, source)
        processor = _processor(named.place, source)
        model, surplus = load_weights(_maker(config), named.place, config, source | {"dtype": precision} | small)
        if _brings_adapter(named.place, source):
            _adapt(model, named.place, {"local_files_only": source["local_files_only"]})
        if named.adapter is not None:
            _adapt(model, named.adapter)
    options.pop("think", None) if options.get("think") is None else None
    _refuse_unknown(options, ForeignChat)
    options.setdefault("weights_id", identity(named, config))
    options.setdefault("separate", named.exact)
    options["surplus"] = surplus
    chat = ForeignChat(
        model=(model if small else model.to(device)).eval(), processor=processor, planner_name=name, **options
    )
    check(chat)
    return chat


def in_bits(bits: int, device: str) -> dict[str, Any]:
    """What loads a model's weights in fewer bits, straight onto its device.

    Args:
        bits: 4 (NF4) or 8.
        device: a torch device.

    Raises:
        PlannerError: it is no GPU.
        MissingExtra: bitsandbytes or accelerate is not installed.
    """
    import torch
    from transformers import BitsAndBytesConfig

    if not device.startswith("cuda"):
        raise PlannerError(f"weights of {bits} bits need a GPU", got=device, mend=f"the name without ?bits={bits}")
    for package in ("bitsandbytes", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "bits")
    four = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_compute_dtype": torch.bfloat16,
    }
    asked: dict[str, Any] = four if bits == 4 else {"load_in_8bit": True}
    config = BitsAndBytesConfig(**asked)
    return {"quantization_config": config, "device_map": {"": device}}


def _refuse_unknown(options: dict[str, Any], chat: Any) -> None:
    """Options that such a planner has not.

    Raises:
        PlannerError: there is one.
    """
    unknown = sorted(set(options) - set(chat.model_fields))
    if unknown:
        known = ", ".join(sorted(set(chat.model_fields) - {"model", "processor", "surplus"}))
        raise PlannerError("a model that is not ours has no such option", got=", ".join(unknown), expected=known)


def _source(place: str) -> dict[str, Any]:
    """How the library is to look for a model: on disk alone where it is a folder or the hub cannot be reached.

    Raises:
        UnknownPlanner: it should be a folder and is none, or one without a configuration.
    """
    folder = Path(place)
    if not folder.is_dir() and (place.startswith((".", "/", "~")) or place.count("/") > 1):
        raise UnknownPlanner("no planner weights there", got=place, expected=FORM)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UnknownPlanner("no planner weights there", got=place, expected="a folder with config.json", mend=FORM)
    return {"trust_remote_code": False, "local_files_only": folder.is_dir() or not _hub_answers()}


def _hub_answers() -> bool:
    """Whether the hub can be reached; the library itself would try for half a minute."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=_PATIENCE_S)
    except Exception:  # no name, no route, no time: the transport has errors of its own
        return False
    return True


def _config(place: str, source: dict[str, Any]) -> Any:
    """The model's configuration; of one that also speaks, that of its part which reads and thinks.

    Raises:
        UnknownPlanner: there is none, or it is of no model that reads pictures or sounds beside words.
        PlannerError: it is there and cannot be read.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(place, **source)
    except Exception as error:  # the hub, the network, the file: each has errors of its own
        raise _lost(place, error, source) from error
    reads = getattr(config, "thinker_config", config)
    if _maker(reads) is None:
        raise UnknownPlanner(
            "the model reads no pictures or sounds beside words",
            got=f"{place} ({config.model_type})",
            expected="an image-text-to-text or audio-text-to-text model of transformers",
            mend="hf:FOLDER_OR_NAME of a model of docs/families.md",
        )
    reads._commit_hash = getattr(config, "_commit_hash", None)
    return reads


def _maker(config: Any) -> Any:
    """The library's maker of models of a kind that sees or hears; None where it is of no such kind."""
    from transformers import AutoModelForMultimodalLM, AutoModelForSeq2SeqLM

    makers = [AutoModelForMultimodalLM, *([AutoModelForSeq2SeqLM] if hasattr(config, "audio_config") else [])]
    return next((maker for maker in makers if type(config) in maker._model_mapping), None)


def _lost(place: str, error: Exception, source: dict[str, Any]) -> PlannerError:
    """One line for a model that could not be found or read."""
    if Path(place).is_dir():
        mend = "the config.json that came with the weights: config.save_pretrained(FOLDER)"
        if "does not recognize this architecture" in str(error):
            mend = "pip install --upgrade transformers"
        if "custom code" in str(error):
            mend = "a model that transformers has itself: no code that comes with a model is run"
        line = f"the model's configuration cannot be read: {first_line(error)}"
        return PlannerError(line, got=place, expected="a config.json with a model_type", mend=mend)
    if source["local_files_only"]:
        mend = f"hf:FOLDER, or with the network: hf download {place}"
        return UnknownPlanner("no such model on this machine, and the hub cannot be reached", got=place, mend=mend)
    return UnknownPlanner(f"no such model on the hub: {first_line(error)}", got=place, expected=FORM)


def _processor(place: str, source: dict[str, Any]) -> Any:
    """The model's processor.

    Raises:
        PlannerError: it has none, or one without eyes and ears.
    """
    from transformers import AutoProcessor

    mend = "save the model's processor beside its weights: processor.save_pretrained(FOLDER)"
    try:
        processor = AutoProcessor.from_pretrained(place, **source)
    except Exception as error:  # as for the configuration
        spoilt = _no_json(place)
        if spoilt is not None:
            mend = f"the {spoilt} that came with the weights: processor.save_pretrained(FOLDER)"
            line = f"the model's processor cannot be read: {spoilt} is no JSON: {first_line(error)}"
            raise PlannerError(line, got=place, mend=mend) from error
        raise PlannerError(f"the model has no processor: {first_line(error)}", got=place, mend=mend) from error
    senses = [name for name in ("image_processor", "feature_extractor") if getattr(processor, name, None) is not None]
    if not senses or not hasattr(processor, "tokenizer"):
        kind = type(processor).__name__
        raise PlannerError("the model has no processor for pictures or sounds", got=f"{place} ({kind})", mend=mend)
    return processor


def _no_json(place: str) -> str | None:
    """The first file of a folder that is called .json and is none, one that was cut off say."""
    for path in sorted(Path(place).glob("*.json")):
        try:
            json.loads(path.read_bytes())
        except (ValueError, RecursionError, OSError):
            return path.name
    return None


def _brings_adapter(place: str, source: dict[str, Any]) -> bool:
    """Whether an adapter lies beside a model's weights, as part of it (Granite Speech's)."""
    from transformers.utils.peft_utils import find_adapter_config_file

    return find_adapter_config_file(place, local_files_only=source["local_files_only"]) is not None


def _adapt(model: Any, adapter: str, source: dict[str, Any] | None = None) -> None:
    """Put a LoRA adapter on a model.

    Args:
        model: the model.
        adapter: a folder, or a name on the hub.
        source: how the library is to look for it, where not as it does by itself.

    Raises:
        MissingExtra: peft is not installed.
        PlannerError: it is no adapter, or one for another model.
    """
    try:
        import peft  # noqa: F401 (transformers needs it)
    except ImportError as error:
        raise MissingExtra("peft", "train") from error
    folder, hub = Path(adapter).is_dir(), re.fullmatch(r"[\w.-]+/[\w.-]+", adapter)
    if not hub and not folder:
        raise UnknownPlanner("there is no such adapter", got=adapter, expected="a folder, or OWNER/NAME")
    if folder and not (Path(adapter) / "adapter_config.json").is_file():
        raise PlannerError(
            "no adapter there",
            got=adapter,
            expected="a folder with adapter_config.json",
            mend="save it with peft: model.save_pretrained(FOLDER)",
        )
    try:
        loaded = model.load_adapter(adapter, adapter_kwargs=source)
    except Exception as error:  # as for the weights
        shapes = "ignore_mismatched_sizes" in str(error)  # the library's advice, and a table that is not shown
        said = "its tensors are of other shapes than the model's" if shapes else first_line(error)
        raise PlannerError(f"the adapter cannot be loaded: {said}", got=adapter, mend=_BASE) from error
    named, own = _made_for(model), type(model).__name__
    if named and not named.endswith(own):  # a wrapper of its training may stand before it (FSDP...)
        got = f"{adapter} ({named})"
        raise PlannerError(
            "the adapter cannot be loaded: it is one for another class of models", got=got, expected=own, mend=_BASE
        )
    stray = sorted({*loaded.missing_keys, *loaded.unexpected_keys})
    if stray:
        got = f"{adapter} ({stray[0]})"
        raise PlannerError("the adapter cannot be loaded: it is one for another model", got=got, mend=_BASE)


def _made_for(model: Any) -> str:
    """The class of models that an adapter's configuration names; empty where it names none."""
    configs = getattr(model, "peft_config", None) or {}
    mappings = [getattr(config, "auto_mapping", None) for config in configs.values()]
    names = [mapping.get("base_model_class") for mapping in mappings if isinstance(mapping, dict)]
    return next((name for name in names if isinstance(name, str)), "")
