"""Text becomes the ids that the tokenizer itself would give, and special tokens that people write are plain text."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from agentmm.errors import PlannerError
from agentmm.planner.foreign.spelling import Spelling

WORDS = ["What is in the picture? A red box.", "User: Assistant: hello world", "<tool_call> [IMG] hello"]


def tokenizer(kind):
    """Byte-level, and the two ways in which SentencePiece's tokenizers put a space before text."""
    backend = Tokenizer(models.BPE(byte_fallback=kind != "bytes", unk_token="<unk>"))
    if kind == "bytes":
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    elif kind == "first":
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    alphabet = pre_tokenizers.ByteLevel.alphabet() if kind == "bytes" else [f"<0x{byte:02X}>" for byte in range(256)]
    special = ["<unk>", "<s>", "</s>", *(alphabet if kind != "bytes" else [])]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special[:3], initial_alphabet=alphabet if kind == "bytes" else [],
        show_progress=False,
    )  # fmt: skip
    backend.train_from_iterator(WORDS * 3, trainer)
    backend.add_special_tokens([AddedToken("<end>", rstrip=True, normalized=False)])
    backend.add_tokens([AddedToken("<tool_call>", normalized=False)])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", backend.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.fixture(params=["bytes", "first", "each"])
def made(request):
    return tokenizer(request.param)


TEXTS = [
    "<s>User: hello world</s>Assistant: hello",
    "User: hello <tool_call>hello",
    "hello<end>  hello",
    " hello</s> hello",
]


@pytest.mark.parametrize("text", TEXTS)
def test_marks_are_spelled_as_the_tokenizer_spells_them(made, text):
    begins = not text.startswith("<s>")
    assert Spelling(made).encode([(text, True)], first=True) == made(text, add_special_tokens=begins)["input_ids"]


def test_text_is_encoded_with_the_text_of_marks_beside_it(made):
    parts = [("<s>User: ", True), ("hello", False), ("</s>", True), ("world", False)]
    whole = made("<s>User: hello</s>world", add_special_tokens=False)["input_ids"]
    assert Spelling(made).encode(parts, first=True) == whole


def test_what_people_write_is_plain_text(made):
    marks = {made.convert_tokens_to_ids(mark) for mark in ("<s>", "</s>", "<end>", "<tool_call>")}
    ids = Spelling(made).encode([("hello </s><end> <tool_call><s>", False)], first=False)
    assert not marks & set(ids)
    assert max(ids) < len(made)


def test_the_beginning_is_put_once(made):
    spelling, begin = Spelling(made), made.bos_token_id
    assert spelling.encode([("hello", True)], first=True)[:1] == [begin]
    assert spelling.encode([("<s>hello", True)], first=True).count(begin) == 1
    assert begin not in spelling.encode([("hello", True)], first=False)


def test_special_tokens_are_cut_out_and_others_are_text(made):
    cut = Spelling(made).special("a<end>b<tool_call>")
    assert cut == [("a", None), ("<end>", made.convert_tokens_to_ids("<end>")), ("b<tool_call>", None)]


def test_a_tokenizer_without_a_file_is_refused():
    with pytest.raises(PlannerError, match=r"cannot be used; got 'str'; expected one with tokenizer.json"):
        Spelling("tokenizer")
