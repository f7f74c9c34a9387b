"""Processor: images and chat messages to model inputs; its chat template writes nano's wire.

<|system|>signatures<|end|><|user|>image_1 <image>NEWLINE question<|end|><|assistant|>...<|end|>
"""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers import AutoImageProcessor, AutoProcessor, BatchFeature, PreTrainedTokenizerFast, ProcessorMixin
from transformers.image_processing_utils import BaseImageProcessor

from agentmm.model.config import MultimodalConfig
from agentmm.model.pixels import scale_pixels, square_pixels
from agentmm.model.tokenizer import SPECIALS

_TEMPLATE = """\
{%- macro block(part) -%}
{%- if part.type == 'text' -%}{{ part.text }}
{%- else -%}{%- if part.file_id is defined -%}{{ part.file_id + ' ' }}{%- endif -%}{{ '<' + part.type + '>' }}
{%- endif -%}
{%- endmacro -%}
{%- macro body(content) -%}
{%- if content is string -%}{{ content }}
{%- elif content -%}{%- for part in content -%}{{ '' if loop.first else '\\n' }}{{ block(part) }}{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
{{- '<|' + message.role + '|>' -}}
{%- if message.tool_calls -%}
{%- if message.content -%}{{ '<think>' + body(message.content) + '</think>' }}{%- endif -%}
{%- for call in message.tool_calls -%}
{%- set call = call.function if call.function is defined else call -%}
{%- set arguments = call.arguments if call.arguments is defined else call.args -%}
{{- '<tool_call>{"name": ' + (call.name | tojson) + ', "arguments": ' + (arguments | tojson) + '}</tool_call>' -}}
{%- endfor -%}
{%- else -%}{{ body(message.content) }}
{%- endif -%}
{{- '<|end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}
"""
CHAT_TEMPLATE = _TEMPLATE.replace("\n", "")


class SquareImageProcessor(BaseImageProcessor):
    """Pads each image to a square and resizes it: `pixel_values` float32 [N, 3, S, S] in -1..1."""

    model_input_names = ["pixel_values"]  # noqa: RUF012  # transformers declares a list

    def __init__(self, size: int = 128, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def __call__(self, images: Any, return_tensors: str | None = None, **kwargs: Any) -> BatchFeature:
        """One image or nested lists of them (PIL, or uint8 [H, W, 3]), flattened in order."""
        pixels = np.stack([square_pixels(image, self.size) for image in _flat(images)])
        return BatchFeature({"pixel_values": scale_pixels(pixels)}, tensor_type=return_tensors)

    def preprocess(self, images: Any, *args: Any, **kwargs: Any) -> BatchFeature:
        """The same as calling the processor."""
        return self(images, *args, **kwargs)


def _flat(images: Any) -> list[Any]:
    """A flat list of one image or of nested lists."""
    return [leaf for item in images for leaf in _flat(item)] if isinstance(images, (list, tuple)) else [images]


class MultimodalProcessor(ProcessorMixin):
    """Tokenizer, image processor and chat template in one; `<image>` grows to the placeholders the model reads."""

    def __init__(
        self,
        image_processor: SquareImageProcessor | None = None,
        tokenizer: PreTrainedTokenizerFast | None = None,
        image_tokens: int = 16,
        chat_template: str | None = CHAT_TEMPLATE,
        **kwargs: Any,
    ) -> None:
        self.image_tokens = image_tokens
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def __call__(
        self,
        images: Any = None,
        text: str | list[str] | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """`input_ids`, `attention_mask` [B, T] and, with images, `pixel_values` [N, 3, S, S].

        Args:
            images: images of the texts' `<image>` marks, in reading order.
            text: one text or several; special tokens in it count.
            return_tensors: "pt", "np" or None.
            kwargs: passed to the tokenizer (`padding`, `truncation`, ...).
        """
        for name in ("videos", "audio"):
            kwargs.pop(name, None)
        texts = [text] if isinstance(text, str) else list(text or [])
        mark = SPECIALS[6]
        texts = [line.replace(mark, mark * self.image_tokens) for line in texts]
        data = dict(self.tokenizer(texts, add_special_tokens=False, return_token_type_ids=False, **kwargs))
        if images is not None:
            data.update(self.image_processor(images))
        return BatchFeature(data, tensor_type=return_tensors)


AutoImageProcessor.register(
    MultimodalConfig,
    image_processor_classes={"pil": SquareImageProcessor, "torchvision": SquareImageProcessor},
    exist_ok=True,
)
AutoProcessor.register(MultimodalConfig, MultimodalProcessor, exist_ok=True)
