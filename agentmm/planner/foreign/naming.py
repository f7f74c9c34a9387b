"""What `hf:NAME?adapter=FOLDER&bits=4&batch=exact` names: whose model it is, which weights, and how they batch."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from agentmm.errors import UnknownPlanner
from agentmm.media.opening import file_sha

FORM = (
    "hf:FOLDER, hf:OWNER/NAME, each with ?adapter=FOLDER where there is one, ?bits=4 or ?bits=8 on a GPU, ?batch=exact"
    "; of several the others follow & (?adapter=FOLDER&batch=exact)"
)
"""How such names are written."""

_SECOND = re.compile(r"\?(?=(?:adapter|bits|batch)=)")
"""What begins a setting."""


class Named(NamedTuple):
    """What `hf:NAME?adapter=FOLDER&bits=4&batch=exact` names.

    Attributes:
        place: a folder, or a name on the hub.
        adapter: a folder or name of a LoRA adapter; None for none.
        bits: 4 or 8 for weights of so many bits; None for weights as they were saved.
        exact: whether each episode of a batch has passes of its own.
    """

    place: str
    adapter: str | None = None
    bits: int | None = None
    exact: bool = False

    @classmethod
    def of(cls, name: str) -> Named:
        """Read a name.

        Raises:
            UnknownPlanner: it asks for something else than an adapter, bits and an exact batch.
        """
        place, _, asked = name.removeprefix("hf:").partition("?")
        if _SECOND.search(asked):
            joined = f"hf:{place}?{_SECOND.sub('&', asked)}"
            raise UnknownPlanner("settings of a planner's name are joined by &", got=name, mend=f"'{joined}'")
        listed = parse_qsl(asked, keep_blank_values=True)
        given = dict(listed)
        if len(given) < len(listed):
            raise UnknownPlanner("a setting of a planner's name stands there twice", got=name, expected=FORM)
        adapter, bits, batch = (given.pop(setting, None) for setting in ("adapter", "bits", "batch"))
        known = adapter != "" and bits in (None, "4", "8") and batch in (None, "exact")
        if given or not place or not known or (asked and not (adapter or bits or batch)):
            raise UnknownPlanner(
                "a planner's name is malformed", got=name, expected=FORM, mend=f"hf:{place or 'FOLDER'}"
            )
        return cls(place, adapter, None if bits is None else int(bits), batch == "exact")


def is_ours(name: str) -> bool:
    """Whether `hf:NAME` is a folder with a model of our own."""
    file = Path(name.removeprefix("hf:").partition("?")[0]) / "config.json"
    try:
        return json.loads(file.read_text(encoding="utf-8")).get("model_type") == "agentmm"
    except (OSError, ValueError, AttributeError):
        return False


def identity(named: Named, config: Any) -> str:
    """Which weights these are: the hub's commit, or the SHA-256 of a folder's weight files; bits; the adapter's."""
    commit = getattr(config, "_commit_hash", None)
    own = str(commit)[:16] if commit else _hash_of(_folder_of(named.place, "config.json"))
    own += f"/{named.bits}bit" if named.bits else ""
    return own if named.adapter is None else f"{own}+{_hash_of(_folder_of(named.adapter, 'adapter_config.json'))}"


def _folder_of(place: str, file: str) -> Path:
    """A folder itself; of a name on the hub the one into which a file of it was loaded."""
    from huggingface_hub import try_to_load_from_cache

    kept = None if Path(place).is_dir() else try_to_load_from_cache(place, file)
    return Path(kept).parent if isinstance(kept, str) else Path(place)


def _hash_of(folder: Path) -> str:
    """The first 16 hex digits over the names and contents of a folder's weight files."""
    files = sorted(file for pattern in ("*.safetensors", "*.bin") for file in folder.glob(pattern))
    told = "".join(f"{file.name} {file_sha(file)}\n" for file in files)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
