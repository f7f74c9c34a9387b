"""What a family can do here, tried out: constrained calls, a LoRA adapter, many episodes at once.

For the tests, and for docs/families.md.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from langchain_core.messages import HumanMessage

from agentmm.planner import load_planner
from agentmm.planner.batching import Batch
from agentmm.planner.foreign import chat as chat_module
from agentmm.planner.foreign import syntax as syntax_module
from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.exactness import probe
from agentmm.planner.sequence import Request
from agentmm.planner.writing import Completion, Sampling
from agentmm.tool import tool
from tests.planner.kit import all_of

DECODER = r".*(language_model|text_model)\..*(q_proj|v_proj)"
"""Layers that an adapter changes."""


@tool
def look_up(word: str, language: str = "en", exact: bool = False) -> str:
    """Look a word up.

    Args:
        word: the word.
        language: of the word.
        exact: whether nothing like it will do.
    """
    return f"{word} in {language}"


def calls_legally(chat: Any) -> bool:
    """Whether a random model, held to calls by the grammar, writes one that is read back without a fault."""
    own, thought = chat_module.cached_grammar, syntax_module._THOUGHT
    try:
        chat_module.cached_grammar = lambda *given: only_calls(own(*given))
        syntax_module._THOUGHT = "[a-z ]{0,20}"
        bound = chat.model_copy(update={"temperature": 1.0, "max_tokens": 600}).bind_tools([look_up])
        said = bound.invoke([HumanMessage("?")])
    finally:
        chat_module.cached_grammar, syntax_module._THOUGHT = own, thought
    return bool(said.tool_calls) and not said.invalid_tool_calls and all(map(_fits, said.tool_calls))


def only_calls(lark: str) -> str:
    """A grammar without its answers and the text before calls, with two calls at most where they are not numbered."""
    return re.sub(r"\((.*calls) \| .*\)$", "calls", lark, count=1, flags=re.MULTILINE).replace("{0,5}", "{0,1}")


def _fits(call: Any) -> bool:
    """Whether a call is one of the tool's, with values of the right types."""
    kinds = {"word": str, "language": str, "exact": bool}
    given = call["args"]
    return call["name"] == "look_up" and "word" in given and all(type(given[name]) is kinds[name] for name in given)


def takes_an_adapter(chat: Any, folder: Path, scratch: Path) -> bool:
    """Whether an adapter loads on top, shows in the logits, and leaves sessions and batches as exact as they were.

    Args:
        chat: the planner without it.
        folder: the planner's checkpoint.
        scratch: an empty folder.
    """
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    other = load_planner(f"hf:{folder}").model
    config = LoraConfig(r=2, lora_alpha=8, target_modules=DECODER, init_lora_weights=False)
    get_peft_model(other, config).save_pretrained(str(scratch))
    adapted = load_planner(f"hf:{folder}?adapter={scratch}")
    row = torch.tensor([chat.telling.render([HumanMessage("?")], [], {}, lambda sha: None, generate=True).ids])
    with torch.inference_mode():
        plain, changed = (model(input_ids=row).logits for model in (chat.model, adapted.model))
    same = all(
        getattr(adapted.exactness, name) == getattr(chat.exactness, name) for name in ("exact", "together", "words")
    )
    return bool((plain - changed).abs().max() > 1e-3) and same


def goes_in_batches(chat: Any) -> str:
    """How four episodes were written at once, greedy and sampled ones, with none to two media each.

    Returns:
        `abreast` where the model's passes had several rows, `in turns` where each had one; `differs` where an episode
        was not written as it is alone.
    """
    rows: list[int] = []
    made = [_asked(chat, index) for index in range(4)]
    alone = _engine(chat, together=False)
    want = [alone.complete(one.prompt, one.load, None, one.sampling) for one in made]
    got = _watched(chat.model, rows, lambda: all_of(Batch(_engine(chat, together=True)), made))
    if not all(map(_alike, got, want)):
        return "differs"
    return "abreast" if max(rows) > 1 else "in turns"


def _asked(chat: Any, index: int) -> Request:
    """A prompt of a length, a limit and a seed of its own."""
    kinds = chat.pictures.kinds
    media = {f"{kind}_{number}": {"kind": kind, "sha": f"{kind}{number}"} for kind in kinds for number in (0, 1)}
    shown = [{"type": media[handle]["kind"], "file_id": handle} for handle in [*media][: index % 3]]
    words = ("What is it?", "How many are there, and which is the largest?")[index // 2]

    def load(sha: str) -> Any:
        return probe(sha[:-1], int(sha[-1]), chat.pictures.rate_hz)

    asked = [HumanMessage([*shown, {"type": "text", "text": words}])]
    told = chat.telling.render(asked, [], media, load, generate=True)
    return Request(told, load, sampling=Sampling(float(index % 2), 3 + index % 3, seed=index))


def _engine(chat: Any, *, together: bool) -> ForeignModel:
    """The planner's model without sessions; several at once where that was measured to be exact."""
    measured = chat.exactness
    return ForeignModel(
        chat.model, chat.pictures, chat.ends, None, measured.exact, together=together and measured.together
    )


def _watched(model: Any, rows: list[int], write: Any) -> Any:
    """What is written, while the rows of each pass are noted."""
    own = model.forward

    def forward(input_ids: Any, **given: Any) -> Any:
        rows.append(len(input_ids))
        return own(input_ids=input_ids, **given)

    model.forward = forward
    try:
        return write()
    finally:
        model.forward = own


def _alike(got: Completion, want: Completion) -> bool:
    """Whether two completions are the same tokens with log-probs that differ by rounding alone."""
    same = (got.ids, got.ended) == (want.ids, want.ended)
    return same and np.allclose(got.logp, want.logp, atol=1e-4, rtol=0)
