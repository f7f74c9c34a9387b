"""What a family can do here, tried out: constrained calls, a LoRA adapter. For the tests, and for docs/families.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from langchain_core.messages import HumanMessage

from agentmm.planner import load_planner
from agentmm.planner.foreign import chat as chat_module
from agentmm.planner.foreign import syntax as syntax_module
from agentmm.tool import tool

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
        chat_module.cached_grammar = lambda *given: (
            own(*given).replace("(SAID? calls | ANSWER)", "calls").replace("{0,5}", "{0,1}")
        )
        syntax_module._THOUGHT = "[a-z ]{0,20}"
        bound = chat.model_copy(update={"temperature": 1.0, "max_tokens": 600}).bind_tools([look_up])
        said = bound.invoke([HumanMessage("?")])
    finally:
        chat_module.cached_grammar, syntax_module._THOUGHT = own, thought
    return bool(said.tool_calls) and not said.invalid_tool_calls and all(map(_fits, said.tool_calls))


def _fits(call: Any) -> bool:
    """Whether a call is one of the tool's, with values of the right types."""
    kinds = {"word": str, "language": str, "exact": bool}
    given = call["args"]
    return call["name"] == "look_up" and "word" in given and all(type(given[name]) is kinds[name] for name in given)


def takes_an_adapter(chat: Any, folder: Path, scratch: Path) -> bool:
    """Whether an adapter loads on top, shows in the logits, and leaves sessions as exact as they were.

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
    return bool((plain - changed).abs().max() > 1e-3) and adapted.exactness.exact == chat.exactness.exact
