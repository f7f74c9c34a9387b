"""The byte-level BPE of our own models: special tokens, how text is cut into pieces, training.

Digits are single tokens, so that numbers are copied digit by digit. Runs of punctuation stay whole (JSON's `": "`
and `"}}` become one token each); the fixed parts of a tool call and of a handle are pieces of their own. A space joins
a following lower-case word only: `TOTAL` and `Q7X` have the same ids wherever they stand, which makes them copyable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIALS = (
    "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<image>", "<audio>", "<video>",
    "<tool_call>", "</tool_call>", "<think>", "</think>", "<|unk|>",
)  # fmt: skip
PAD, END, SYSTEM, USER, ASSISTANT, TOOL, IMAGE, AUDIO, VIDEO, CALL, CALL_END, THINK, THINK_END, UNK = range(
    len(SPECIALS)
)
VOCAB_SIZE = 2048

_PIECES = "|".join(
    (
        r'\{"name": "',
        r'", "arguments": \{"',
        r"(?:image|audio|video|region|mask)_(?=\d)",
        r" ?[a-z]+",
        r"[\p{L}\p{M}]+",
        r"\d",
        r"[^\s\p{L}\p{M}\d]+(?: +[^\s\p{L}\p{M}\d]+)*(?: (?=\d|\p{Lu}))?",
        r"\s",
    )
)


def train_tokenizer(texts: Iterable[str], vocab_size: int = VOCAB_SIZE) -> Tokenizer:
    """Train the tokenizer on texts without special tokens; equal texts give an equal tokenizer.

    Args:
        texts: any strings.
        vocab_size: size of the vocabulary including the special tokens and the 256 bytes; a small corpus gives less,
            and the rest is filled with unused tokens so that ids and embeddings agree in number.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIALS[UNK]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        max_token_length=24,
    )
    tokenizer.train_from_iterator(texts, trainer)
    missing = vocab_size - tokenizer.get_vocab_size()
    tokenizer.add_tokens([f"<|unused_{index}|>" for index in range(missing)])
    return tokenizer


def wrap(tokenizer: Tokenizer, **kwargs: Any) -> PreTrainedTokenizerFast:
    """The transformers form of a tokenizer: pads, ends and marks special tokens as this module's table says."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIALS[PAD],
        eos_token=SPECIALS[END],
        unk_token=SPECIALS[UNK],
        extra_special_tokens={
            "image_token": SPECIALS[IMAGE],
            "audio_token": SPECIALS[AUDIO],
            "video_token": SPECIALS[VIDEO],
        },
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        **kwargs,
    )
