"""`MultimodalLM`: encoder, projector, backbone, output projector and generator behind one Hugging Face model.

It knows slots, not components: what stands in a slot comes from the registry.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from agentmm.model.config import MultimodalConfig
from agentmm.model.registry import component


class MultimodalLM(PreTrainedModel, GenerationMixin):
    """A trainable multimodal LLM of five components.

        F = encoder(pixels); P = projector(F); text, S = decoder(splice(P, embed(ids)))

    `output_projector` and `generator` are None until a preset names them.
    """

    config_class = MultimodalConfig
    config: MultimodalConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    input_modalities = ["image", "text"]  # noqa: RUF012  # transformers declares a list
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _no_split_modules = ["Block", "Qwen3DecoderLayer"]  # noqa: RUF012  # likewise
    _tied_weights_keys = {"decoder.lm_head.weight": "decoder.model.embed_tokens.weight"}  # noqa: RUF012  # likewise

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        self.encoder = self._build("encoder")
        self.projector = self._build("projector")
        self.decoder = self._build("decoder")
        self.fuse = self._build("fusion")
        self.output_projector = self._build("output_projector")
        self.generator = self._build("generator")
        self.post_init()

    def _build(self, slot: str) -> Any:
        """What the configuration names for a slot."""
        return component(slot, self.config.components[slot]["name"]).build(self.config)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if hasattr(module, "position") and isinstance(module.position, nn.Parameter):
            nn.init.normal_(module.position, std=0.02)

    def get_input_embeddings(self) -> nn.Module:
        """The backbone's token embedding."""
        return self.decoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the backbone's token embedding."""
        self.decoder.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        """The backbone's head."""
        return self.decoder.get_output_embeddings()

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replace the backbone's head."""
        self.decoder.set_output_embeddings(new_embeddings)

    def encode_images(self, pixels: Tensor) -> Tensor:
        """[N, 3, S, S] pixels in -1..1 -> [N, Q, D] tokens of the decoder's width; no token is read or written."""
        return self.projector(self.encoder(pixels))

    def embed(self, input_ids: Tensor, image_features: Tensor | None = None) -> Tensor:
        """[B, T] ids (and [N, Q, D] features for their placeholders, in reading order) -> [B, T, D] embeddings."""
        embeds = self.get_input_embeddings()(input_ids)
        return (
            embeds
            if image_features is None
            else self.fuse(embeds, input_ids, image_features, self.config.image_token_id)
        )

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        image_features: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Logits, and the text loss when `labels` are given (survey arXiv 2401.13601, eq. 2).

        Args:
            input_ids: [B, T] ids with one placeholder per image token.
            pixel_values: [N, 3, S, S] in -1..1, N images over the batch in reading order.
            attention_mask: [B, past + T], 1 where a token is real.
            position_ids: [B, T].
            past_key_values: a transformers cache.
            inputs_embeds: [B, T, D] in place of `input_ids`; features are in it already.
            image_features: [N, Q, D] from `encode_images`, in place of `pixel_values`.
            labels: [B, T], -100 where nothing is learnt; shifted inside.
            use_cache: return the cache.
            logits_to_keep: compute logits of the last so many positions only (0: all).
            kwargs: passed to the backbone.
        """
        if inputs_embeds is None:
            if image_features is None and pixel_values is not None:
                image_features = self.encode_images(pixel_values.to(self.dtype))
            inputs_embeds = self.embed(input_ids, image_features)  # type: ignore[arg-type]  # not None here
        return self.decoder(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            labels=labels,
            use_cache=use_cache,
            logits_to_keep=logits_to_keep,
            **kwargs,
        )

    def prepare_inputs_for_generation(  # type: ignore[override]  # the rest passes through
        self, input_ids: Tensor, **kwargs: Any
    ) -> dict[str, Any]:
        """Drop the images after the prefill: from then on they live in the cache."""
        first = kwargs.get("is_first_iteration", False) or not kwargs.get("use_cache", True)
        parent: Any = super()
        inputs = parent.prepare_inputs_for_generation(input_ids, **kwargs)
        if not first:
            inputs.pop("pixel_values", None)
            inputs.pop("image_features", None)
        return inputs
