"""A tokenizer without text: TRL wants one for its pad token."""

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast


def word_tokenizer(size):
    vocabulary = {f"w{index}": index for index in range(size)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="w0"))
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="w0", eos_token="w1", unk_token="w0")
