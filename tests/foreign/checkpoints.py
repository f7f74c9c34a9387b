"""Tiny random checkpoints of the image-text-to-text families of transformers, made in process and offline.

Each family has its real model class, its real processor and image processor, its own turn marks and image tokens,
and a chat template (`templates/<family>.jinja`) that treats tools as the shipped one does; only the sizes, the
weights and the 256 byte tokens are ours. What is true of all families is said once, in the helpers at the top.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForMultimodalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ProcessorMixin,
)

TEMPLATES = Path(__file__).parent / "templates"
VOCABULARY = 640  # 256 bytes, some merges, then the family's marks: idefics3 has the most, 45
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 4096,
}
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
MROPE = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
QWEN = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LINES = [
    "What is in the picture? There are three red boxes and a small dog.",
    '{"name": "find_objects", "arguments": {"image": "image_1", "label": "dog"}}',
    "You are a helpful assistant. The answer is the number of objects in the image.",
]

ODD = ("audioflamingo3",)  # transformers keeps it among its models from sequence to sequence

Checkpoint = tuple[PreTrainedModel, ProcessorMixin]


@functools.cache
def _bytes() -> str:
    """A byte-level BPE that gives back any text it was given, as the JSON of `tokenizers`."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=512, initial_alphabet=alphabet, show_progress=False))
    return bpe.to_str()


def _tokenizer(marks: tuple[str, ...], *, eos: str, pad: str, bos: str | None = None, **named: str):
    """The byte tokenizer with the family's marks; `named` become attributes (`image_token=...`), as processors want."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_bytes()),
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        extra_special_tokens=named,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_tokens([mark for mark in marks if mark not in tokenizer.get_vocab()], special_tokens=True)
    assert len(tokenizer) <= VOCABULARY, len(tokenizer)
    return tokenizer


def _model(family: str, tokenizer: PreTrainedTokenizerFast, text: dict[str, Any], **config: Any) -> PreTrainedModel:
    """A model of `family` with random weights large enough that each token and each image shows in the logits."""
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    torch.manual_seed(0)
    auto = AutoModelForSeq2SeqLM if family in ODD else AutoModelForMultimodalLM
    model = auto.from_config(AutoConfig.for_model(family, text_config=TEXT | ids | text, **config))
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.2) if weight.dim() > 1 else weight.add_(torch.randn_like(weight), alpha=0.05)
    model.generation_config.update(**ids)
    return model.eval()


def _ids(tokenizer: PreTrainedTokenizerFast, **tokens: str) -> dict[str, int]:
    """`image_token_id=<id of "<image>">` for each `image_token_id="<image>"`, checked to be in the vocabulary."""
    return {name: tokenizer.get_vocab()[token] for name, token in tokens.items()}


def _template(family: str) -> str:
    return (TEMPLATES / f"{family}.jinja").read_text(encoding="utf-8")


# --- Qwen and GLM: images of any size, 3-D positions ---

QWEN_VISION = {"depth": 2, "num_heads": 4, "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2}
QWEN_PIXELS = {"patch_size": 8, "merge_size": 2, "size": {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}}


def _qwen_vl(family: str, text: dict[str, Any], vision: dict[str, Any], processor_class: type) -> Checkpoint:
    from transformers import Qwen2VLImageProcessor, Qwen2VLVideoProcessor, Qwen3VLVideoProcessor

    marks = (*QWEN, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    tokenizer = _tokenizer(marks, eos="<|im_end|>", pad="<|endoftext|>")
    ids = _ids(
        tokenizer,
        image_token_id="<|image_pad|>",
        video_token_id="<|video_pad|>",
        vision_start_token_id="<|vision_start|>",
        vision_end_token_id="<|vision_end|>",
    )
    model = _model(family, tokenizer, text, vision_config=QWEN_VISION | vision, **ids)
    video = Qwen3VLVideoProcessor if family.startswith("qwen3") else Qwen2VLVideoProcessor
    processor = processor_class(
        Qwen2VLImageProcessor(**QWEN_PIXELS), tokenizer, video(**QWEN_PIXELS), chat_template=_template(family)
    )
    return model, processor


def qwen2_vl() -> Checkpoint:
    from transformers import Qwen2VLProcessor

    vision = {"embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2}
    return _qwen_vl("qwen2_vl", {"rope_parameters": MROPE}, vision, Qwen2VLProcessor)


def qwen2_5_vl() -> Checkpoint:
    from transformers import Qwen2_5_VLProcessor

    vision = {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 32, "fullatt_block_indexes": [1]}
    return _qwen_vl("qwen2_5_vl", {"rope_parameters": MROPE}, vision | {"window_size": 32}, Qwen2_5_VLProcessor)


def qwen3_vl() -> Checkpoint:
    from transformers import Qwen3VLProcessor

    vision = {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 32, "deepstack_visual_indexes": [0, 1]}
    text = {"rope_parameters": MROPE | {"mrope_interleaved": True}}
    return _qwen_vl("qwen3_vl", text, vision | {"num_position_embeddings": 64}, Qwen3VLProcessor)


def qwen3_5() -> Checkpoint:
    from transformers import Qwen3VLProcessor

    vision = {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 32, "num_position_embeddings": 64}
    rope = MROPE | {"mrope_interleaved": True, "partial_rotary_factor": 1.0}
    linear = {"linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4}
    linear |= {"linear_num_key_heads": 2, "linear_num_value_heads": 4}
    text = {"rope_parameters": rope, "layer_types": ["linear_attention", "full_attention"], **linear}
    model, processor = _qwen_vl("qwen3_5", text, vision, Qwen3VLProcessor)
    # a long memory, as a trained one has: a random one forgets at once, and a wrong rollback would not show
    model.model.language_model.layers[0].linear_attn.A_log.data.fill_(-4.0)
    return model, processor


def glm4v() -> Checkpoint:
    from transformers import Glm4vImageProcessor, Glm4vProcessor, Glm4vVideoProcessor

    image = ("<|begin_of_image|>", "<|end_of_image|>", "<|image|>")
    video = ("<|begin_of_video|>", "<|end_of_video|>", "<|video|>")
    roles = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
    # a turn has no end mark of its own: the next role's mark ends it
    tokenizer = _tokenizer((*image, *video, *roles, "[gMASK]", "<sop>"), eos="<|endoftext|>", pad="<|endoftext|>")
    ids = _ids(
        tokenizer,
        image_token_id="<|image|>",
        video_token_id="<|video|>",
        image_start_token_id="<|begin_of_image|>",
        image_end_token_id="<|end_of_image|>",
        video_start_token_id="<|begin_of_video|>",
        video_end_token_id="<|end_of_video|>",
    )
    vision = QWEN_VISION | {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 32, "image_size": 64}
    model = _model("glm4v", tokenizer, {"rope_parameters": MROPE}, vision_config=vision, **ids)
    ends = ("<|endoftext|>", "<|user|>", "<|observation|>")
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(list(ends))
    pixels = QWEN_PIXELS | {"size": {"shortest_edge": 2 * 32 * 32, "longest_edge": 2 * 64 * 64}}  # counts two frames
    processor = Glm4vProcessor(
        Glm4vImageProcessor(**pixels), tokenizer, Glm4vVideoProcessor(**pixels), chat_template=_template("glm4v")
    )
    return model, processor


# --- Llava: one square, or squares and a thumbnail ---


CLIP_TOKENS = {"patch_size": 8, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
"""How a processor counts the tokens of a CLIP tower: all patches but the class token."""


def llava() -> Checkpoint:
    from transformers import CLIPImageProcessor, LlavaProcessor

    tokenizer = _tokenizer(("<image>",), bos="<s>", eos="</s>", pad="<pad>")
    vision = VISION | {"model_type": "clip_vision_model", "image_size": 32, "patch_size": 8, "projection_dim": 32}
    ids = _ids(tokenizer, image_token_index="<image>")
    model = _model("llava", tokenizer, {"model_type": "llama"}, vision_config=vision, image_seq_length=16, **ids)
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        **CLIP_TOKENS,
        chat_template=_template("llava"),
    )
    return model, processor


def llava_next() -> Checkpoint:
    from transformers import LlavaNextImageProcessor, LlavaNextProcessor

    tokenizer = _tokenizer(("<image>",), bos="<s>", eos="</s>", pad="<pad>")
    grid = [[16, 32], [32, 16], [32, 32]]
    vision = VISION | {"model_type": "clip_vision_model", "image_size": 16, "patch_size": 8, "projection_dim": 32}
    ids = _ids(tokenizer, image_token_index="<image>")
    text = {"model_type": "mistral", "sliding_window": None}
    model = _model("llava_next", tokenizer, text, vision_config=vision, image_grid_pinpoints=grid, **ids)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    processor = LlavaNextProcessor(
        LlavaNextImageProcessor(image_grid_pinpoints=grid, **size),
        tokenizer,
        **CLIP_TOKENS,
        chat_template=_template("llava_next"),
    )
    return model, processor


def llava_onevision() -> Checkpoint:
    from transformers import LlavaOnevisionImageProcessor, LlavaOnevisionProcessor, LlavaOnevisionVideoProcessor

    tokenizer = _tokenizer((*QWEN, "<image>", "<video>"), eos="<|im_end|>", pad="<|endoftext|>")
    grid = [[16 * rows, 16 * columns] for rows in (1, 2) for columns in (1, 2)]
    vision = VISION | {"model_type": "siglip_vision_model", "image_size": 16, "patch_size": 8, "vision_use_head": False}
    ids = _ids(tokenizer, image_token_index="<image>", video_token_index="<video>")
    text = {"model_type": "qwen2"}
    model = _model("llava_onevision", tokenizer, text, vision_config=vision, image_grid_pinpoints=grid, **ids)
    size = {"height": 16, "width": 16}
    processor = LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=grid),
        tokenizer,
        LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=_template("llava_onevision"),
    )
    return model, processor


def fast_vlm() -> Checkpoint:
    from transformers import CLIPImageProcessor, LlavaProcessor

    tokenizer = _tokenizer((*QWEN, "<image>"), eos="<|im_end|>", pad="<|endoftext|>")
    # the shipped tower (FastViT) needs timm: ConvNext is also a tower that gives a map [N, C, H, W], 1/16 in size
    vision = {"model_type": "convnext", "hidden_sizes": [16, 32], "depths": [1, 1], "num_stages": 2, "patch_size": 8}
    ids = _ids(tokenizer, image_token_index="<image>")
    vision |= {"hidden_size": 32}
    model = _model("fast_vlm", tokenizer, {"model_type": "qwen2"}, vision_config=vision, image_seq_length=16, **ids)
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}),
        tokenizer,
        patch_size=16,
        vision_feature_select_strategy="full",
        chat_template=_template("fast_vlm"),
    )
    return model, processor


# --- Idefics and SmolVLM: squares with a mark for each row and column ---


def _idefics(family: str, start: str) -> Checkpoint:
    from transformers import Idefics3ImageProcessor, Idefics3Processor, SmolVLMImageProcessor, SmolVLMProcessor
    from transformers.models.smolvlm import processing_smolvlm
    from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

    cells = tuple(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7))
    marks = ("<image>", "<fake_token_around_image>", "<global-img>", *cells)
    tokenizer = _tokenizer(marks, bos=start, eos="<end_of_utterance>", pad="<pad>")
    vision = VISION | {"image_size": 32, "patch_size": 8}
    ids = _ids(tokenizer, image_token_id="<image>") | {"pad_token_id": tokenizer.pad_token_id}
    model = _model(family, tokenizer, {"model_type": "llama"}, vision_config=vision, scale_factor=2, **ids)
    pixels = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}
    shared = {"image_seq_len": 4, "chat_template": _template(family)}
    if family == "idefics3":
        return model, Idefics3Processor(Idefics3ImageProcessor(**pixels), tokenizer, **shared)
    # the processor refuses to start without num2words, which only a video's prompt reads
    processing_smolvlm.num2words = processing_smolvlm.num2words or str
    video = SmolVLMVideoProcessor(**pixels)
    return model, SmolVLMProcessor(SmolVLMImageProcessor(**pixels), tokenizer, video, **shared)


def idefics3() -> Checkpoint:
    return _idefics("idefics3", "<|begin_of_text|>")


def smolvlm() -> Checkpoint:
    return _idefics("smolvlm", "<|im_start|>")


# --- the others, each its own way ---


def gemma3() -> Checkpoint:
    from transformers import Gemma3ImageProcessor, Gemma3Processor

    tokenizer = _tokenizer(
        ("<start_of_turn>",),
        bos="<bos>",
        eos="<end_of_turn>",
        pad="<pad>",
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )
    ids = _ids(
        tokenizer,
        image_token_index="<image_soft_token>",
        boi_token_index="<start_of_image>",
        eoi_token_index="<end_of_image>",
    )
    vision = VISION | {"model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8, "vision_use_head": False}
    text = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64, "query_pre_attn_scalar": 8}
    model = _model("gemma3", tokenizer, text, vision_config=vision, mm_tokens_per_image=4, **ids)
    image = Gemma3ImageProcessor(size={"height": 32, "width": 32})
    return model, Gemma3Processor(image, tokenizer, chat_template=_template("gemma3"), image_seq_length=4)


@functools.cache
def _without_timm() -> None:
    """Put a convolution in the place of Gemma 3n's tower, MobileNetV5, which transformers takes from timm."""
    from transformers import AutoModel, Gemma3nVisionConfig
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    class Tower(PreTrainedModel):
        config_class = Gemma3nVisionConfig
        main_input_name = "pixel_values"

        def __init__(self, config: Gemma3nVisionConfig) -> None:
            super().__init__(config)
            self.patches = torch.nn.Conv2d(3, config.hidden_size, 16, 16)
            self.post_init()

        def forward(self, pixel_values: torch.Tensor, **given: Any) -> BaseModelOutputWithPooling:
            return BaseModelOutputWithPooling(last_hidden_state=self.patches(pixel_values).tanh())

    AutoModel.register(Gemma3nVisionConfig, Tower, exist_ok=True)


def gemma3n() -> Checkpoint:
    from transformers import Gemma3nAudioFeatureExtractor, Gemma3nProcessor, SiglipImageProcessor

    tokenizer = _tokenizer(
        ("<start_of_turn>",),
        bos="<bos>",
        eos="<end_of_turn>",
        pad="<pad>",
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
        audio_token="<audio_soft_token>",
        boa_token="<start_of_audio>",
        eoa_token="<end_of_audio>",
    )
    ids = _ids(
        tokenizer,
        image_token_id="<image_soft_token>",
        boi_token_id="<start_of_image>",
        eoi_token_id="<end_of_image>",
        audio_token_id="<audio_soft_token>",
        boa_token_id="<start_of_audio>",
        eoa_token_id="<end_of_audio>",
    )
    _without_timm()
    # the last ids are the vision tower's and the audio tower's own vocabularies, as in the shipped one
    vision = {"hidden_size": 32, "vocab_size": 8, "vocab_offset": VOCABULARY - 16}
    audio = {"vocab_size": 8, "vocab_offset": VOCABULARY - 8, "hidden_size": 32, "conf_num_hidden_layers": 2}
    audio |= {"conf_num_attention_heads": 4, "sscp_conv_channel_size": (8, 4)}
    text = {"layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 64, "num_hidden_layers": 4}
    text |= {"num_kv_shared_layers": 2, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": VOCABULARY - 16}
    text |= {"altup_num_inputs": 2, "laurel_rank": 4}
    tokens = {"vision_soft_tokens_per_image": 4, "audio_soft_tokens_per_image": 40}  # of sounds up to 1.6 s
    model = _model("gemma3n", tokenizer, text, vision_config=vision, audio_config=audio, **ids, **tokens)
    processor = Gemma3nProcessor(
        Gemma3nAudioFeatureExtractor(),
        SiglipImageProcessor(size={"height": 32, "width": 32}),
        tokenizer,
        chat_template=_template("gemma3n"),
        image_seq_length=4,
        audio_seq_length=40,
    )
    return model, processor


def gemma4() -> Checkpoint:
    from transformers import Gemma4AudioFeatureExtractor, Gemma4ImageProcessor, Gemma4Processor, Gemma4VideoProcessor

    pairs = [(f"<|{name}>", f"<{name}|>") for name in ("turn", "tool", "tool_call", "tool_response")]
    tokenizer = _tokenizer(
        (*sum(pairs, ()), '<|"|>', "<|video|>"),
        bos="<bos>",
        eos="<turn|>",
        pad="<pad>",
        image_token="<|image|>",
        boi_token="<|image>",
        eoi_token="<image|>",
        audio_token="<|audio|>",
        boa_token="<|audio>",
        eoa_token="<audio|>",
    )
    ids = _ids(
        tokenizer,
        image_token_id="<|image|>",
        boi_token_id="<|image>",
        eoi_token_id="<image|>",
        video_token_id="<|video|>",
        audio_token_id="<|audio|>",
        boa_token_id="<|audio>",
        eoa_token_index="<audio|>",
    )
    vision = VISION | {"num_key_value_heads": 4, "head_dim": 8, "patch_size": 8, "position_embedding_size": 64}
    text = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 128, "global_head_dim": 8}
    text |= {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": VOCABULARY}
    text |= {"use_bidirectional_attention": "vision"}
    audio = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "output_proj_dims": 32}
    audio |= {"subsampling_conv_channels": [128, 4]}  # the first is the number of bands
    model = _model("gemma4", tokenizer, text, vision_config=vision, audio_config=audio, **ids)
    pixels = {"patch_size": 8, "max_soft_tokens": 70, "pooling_kernel_size": 3}  # 70 is the least it knows
    processor = Gemma4Processor(
        Gemma4AudioFeatureExtractor(),
        Gemma4ImageProcessor(**pixels),
        tokenizer,
        Gemma4VideoProcessor(**pixels),
        chat_template=_template("gemma4"),
        image_seq_length=70,
    )
    return model, processor


def internvl() -> Checkpoint:
    from transformers import GotOcr2ImageProcessor, InternVLProcessor, InternVLVideoProcessor

    tokenizer = _tokenizer(
        QWEN,
        eos="<|im_end|>",
        pad="<|endoftext|>",
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    ids = _ids(tokenizer, image_token_id="<IMG_CONTEXT>")
    vision = VISION | {"image_size": [32, 32], "patch_size": [8, 8]}
    model = _model("internvl", tokenizer, {"model_type": "qwen2"}, vision_config=vision, image_seq_length=4, **ids)
    size = {"height": 32, "width": 32}
    processor = InternVLProcessor(
        GotOcr2ImageProcessor(size=size, crop_to_patches=True, max_patches=4),
        tokenizer,
        InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=_template("internvl"),
    )
    return model, processor


def mistral3() -> Checkpoint:
    from transformers import PixtralImageProcessor, PixtralProcessor

    turns = ("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]")
    calls = ("[TOOL_CALLS]", "[ARGS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[IMG]", "[IMG_BREAK]", "[IMG_END]")
    tokenizer = _tokenizer(turns + calls, bos="<s>", eos="</s>", pad="<pad>")
    ids = _ids(tokenizer, image_token_index="[IMG]")
    vision = VISION | {"model_type": "pixtral", "image_size": 64, "patch_size": 8}
    text = {"model_type": "mistral", "sliding_window": None}
    model = _model("mistral3", tokenizer, text, vision_config=vision, spatial_merge_size=2, **ids)
    image = PixtralImageProcessor(patch_size=8, size={"longest_edge": 64})
    processor = PixtralProcessor(
        image, tokenizer, patch_size=8, spatial_merge_size=2, chat_template=_template("mistral3")
    )
    return model, processor


def lfm2_vl() -> Checkpoint:
    from transformers import Lfm2VlImageProcessor, Lfm2VlProcessor

    cells = tuple(f"<|img_row_{row}_col_{column}|>" for row in range(1, 5) for column in range(1, 5))
    tokenizer = _tokenizer(
        ("<|im_start|>", "<|tool_call_start|>", "<|tool_call_end|>", *cells),
        bos="<|startoftext|>",
        eos="<|im_end|>",
        pad="<|pad|>",
        image_token="<image>",
        image_start_token="<|image_start|>",
        image_end_token="<|image_end|>",
        image_thumbnail_token="<|img_thumbnail|>",
    )
    vision = VISION | {"model_type": "siglip2_vision_model", "patch_size": 8, "num_patches": 16}
    text = {"model_type": "lfm2", "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False}
    text |= {"block_multiple_of": 32}
    more = {"projector_hidden_size": 64, **_ids(tokenizer, image_token_id="<image>")}
    model = _model("lfm2_vl", tokenizer, text, vision_config=vision | {"vision_use_head": False}, **more)
    tokens = {"min_image_tokens": 4, "max_image_tokens": 8, "max_pixels_tolerance": 1.1}  # 60x40 whole, 40x80 in tiles
    image = Lfm2VlImageProcessor(encoder_patch_size=8, tile_size=32, max_tiles=4, downsample_factor=2, **tokens)
    return model, Lfm2VlProcessor(image, tokenizer, chat_template=_template("lfm2_vl"))


COHERE_TURNS = tuple(f"<|{mark}_TOKEN|>" for mark in ("START_OF_TURN", "END_OF_TURN", "SYSTEM", "USER", "CHATBOT"))
COHERE_SAYS = tuple(f"<|{side}_{what}|>" for side in ("START", "END") for what in ("RESPONSE", "ACTION", "TOOL_RESULT"))
COHERE_TEXT = {"model_type": "cohere2", "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64}


def aya_vision() -> Checkpoint:
    from transformers import AyaVisionProcessor, GotOcr2ImageProcessor

    image = ("<image>", "<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>")
    marks = (*COHERE_TURNS, *COHERE_SAYS, *image, "TILE", "TILE_GLOBAL")
    tokenizer = _tokenizer(marks, bos="<BOS_TOKEN>", eos="<|END_OF_TURN_TOKEN|>", pad="<PAD>")
    vision = VISION | {"model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8, "vision_use_head": False}
    ids = _ids(tokenizer, image_token_index="<|IMG_PATCH|>")
    model = _model("aya_vision", tokenizer, COHERE_TEXT, vision_config=vision, **ids)
    processor = AyaVisionProcessor(
        GotOcr2ImageProcessor(size={"height": 32, "width": 32}, crop_to_patches=True, max_patches=4),
        tokenizer,
        patch_size=8,
        img_size=32,
        downsample_factor=2,
        chat_template=_template("aya_vision"),
    )
    return model, processor


def cohere2_vision() -> Checkpoint:
    from transformers import Cohere2VisionImageProcessor, Cohere2VisionProcessor

    tokenizer = _tokenizer(
        COHERE_TURNS + COHERE_SAYS,
        bos="<BOS_TOKEN>",
        eos="<|END_OF_TURN_TOKEN|>",
        pad="<PAD>",
        image_token="<|IMG_PATCH|>",
        boi_token="<|START_OF_IMG|>",
        eoi_token="<|END_OF_IMG|>",
        img_line_break_token="<|IMG_LINE_BREAK|>",
    )
    vision = VISION | {"model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8, "vision_use_head": False}
    more = {"alignment_intermediate_size": 64, **_ids(tokenizer, image_token_id="<|IMG_PATCH|>")}
    model = _model("cohere2_vision", tokenizer, COHERE_TEXT, vision_config=vision, **more)
    # its patch_size is the side of a tile in tokens: (32 / 8 / 2) squared is four tokens a tile
    image = Cohere2VisionImageProcessor(size={"height": 32, "width": 32}, patch_size=2, max_patches=4)
    return model, Cohere2VisionProcessor(image, tokenizer, chat_template=_template("cohere2_vision"))


def ovis2() -> Checkpoint:
    from transformers import Ovis2ImageProcessor, Ovis2Processor

    indicators = ("<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>")
    tokenizer = _tokenizer((*QWEN, "<image>", "<IMG_ATOM>", *indicators), eos="<|im_end|>", pad="<|endoftext|>")
    vision = VISION | {"image_size": 32, "patch_size": 8, "hidden_stride": 2, "vocab_size": 64}
    model = _model(
        "ovis2",
        tokenizer,
        {"model_type": "qwen2"},
        vision_config=vision,
        hidden_size=32,
        vocab_size=VOCABULARY,
        visual_indicator_token_ids=tokenizer.convert_tokens_to_ids(list(indicators)),
        **_ids(tokenizer, image_token_id="<IMG_ATOM>"),
    )
    image = Ovis2ImageProcessor(size={"height": 32, "width": 32}, crop_to_patches=True, max_patches=4)
    return model, Ovis2Processor(image, tokenizer, chat_template=_template("ovis2"), image_seq_length=4)


# --- those that hear ---

WHISPER = {"num_mel_bins": 16, "max_source_positions": 50}  # one second


def qwen2_audio() -> Checkpoint:
    from transformers import Qwen2AudioProcessor, WhisperFeatureExtractor

    tokenizer = _tokenizer(
        (*QWEN, "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"), eos="<|im_end|>", pad="<|endoftext|>"
    )
    audio = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 64}
    ids = _ids(tokenizer, audio_token_index="<|AUDIO|>")
    model = _model("qwen2_audio", tokenizer, {"model_type": "qwen2"}, audio_config=audio | WHISPER, **ids)
    sound = WhisperFeatureExtractor(feature_size=16, chunk_length=1)
    return model, Qwen2AudioProcessor(sound, tokenizer, chat_template=_template("qwen2_audio"))


def audioflamingo3() -> Checkpoint:
    from transformers import AudioFlamingo3Processor, WhisperFeatureExtractor

    tokenizer = _tokenizer((*QWEN, "<sound>"), eos="<|im_end|>", pad="<|endoftext|>")
    audio = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    ids = _ids(tokenizer, audio_token_id="<sound>")
    model = _model("audioflamingo3", tokenizer, {"model_type": "qwen2"}, audio_config=audio | WHISPER, **ids)
    sound = WhisperFeatureExtractor(feature_size=16, chunk_length=1)  # longer clips are read second by second
    return model, AudioFlamingo3Processor(sound, tokenizer, chat_template=_template("audioflamingo3"))


def qwen2_5_omni_thinker() -> Checkpoint:
    from transformers import (
        Qwen2_5OmniProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
        WhisperFeatureExtractor,
    )

    tokenizer = _tokenizer(
        QWEN,
        eos="<|im_end|>",
        pad="<|endoftext|>",
        image_token="<|IMAGE|>",
        audio_token="<|AUDIO|>",
        video_token="<|VIDEO|>",
        vision_bos_token="<|vision_bos|>",
        vision_eos_token="<|vision_eos|>",
        audio_bos_token="<|audio_bos|>",
        audio_eos_token="<|audio_eos|>",
    )
    ids = _ids(
        tokenizer,
        image_token_index="<|IMAGE|>",
        audio_token_index="<|AUDIO|>",
        video_token_index="<|VIDEO|>",
        audio_start_token_id="<|audio_bos|>",
        audio_end_token_id="<|audio_eos|>",
        vision_start_token_id="<|vision_bos|>",
        vision_end_token_id="<|vision_eos|>",
    )
    vision = {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 32, "fullatt_block_indexes": [1]}
    audio = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 64}
    model = _model(
        "qwen2_5_omni_thinker",
        tokenizer,
        {"rope_parameters": MROPE},
        vision_config=QWEN_VISION | vision | {"window_size": 32},
        audio_config=audio | WHISPER | {"n_window": 25, "output_dim": 32},
        **ids,
    )
    processor = Qwen2_5OmniProcessor(
        Qwen2VLImageProcessor(**QWEN_PIXELS),
        Qwen2VLVideoProcessor(**QWEN_PIXELS),
        WhisperFeatureExtractor(feature_size=16, chunk_length=1),
        tokenizer,
        chat_template=_template("qwen2_5_omni_thinker"),
    )
    return model, processor


def voxtral() -> Checkpoint:
    from transformers import VoxtralProcessor, WhisperFeatureExtractor

    named = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", *(f"<SPECIAL_{at}>" for at in range(5, 11)), "<pad>"]
    named += [*(f"<SPECIAL_{at}>" for at in range(12, 17)), "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
    named += [*(f"<SPECIAL_{at}>" for at in range(19, 24)), "[AUDIO]", "[BEGIN_AUDIO]"]  # its processor counts on 24
    told = json.loads(_bytes())
    told["model"]["vocab"] = {token: at + len(named) for token, at in told["model"]["vocab"].items()}
    told["model"]["vocab"] |= {token: at for at, token in enumerate(named)}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    told["added_tokens"] = [{"id": at, "content": token, **plain} for at, token in enumerate(named)]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(told)),
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=_template("voxtral"),
        clean_up_tokenization_spaces=False,
    )
    audio = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    ids = _ids(tokenizer, audio_token_id="[AUDIO]")
    model = _model("voxtral", tokenizer, {"model_type": "llama"}, audio_config=audio | WHISPER, **ids)
    return model, VoxtralProcessor(WhisperFeatureExtractor(feature_size=16, chunk_length=1), tokenizer)


FAMILIES: dict[str, Callable[[], Checkpoint]] = {
    family.__name__: family
    for family in (
        qwen2_vl,
        qwen2_5_vl,
        qwen3_vl,
        qwen3_5,
        glm4v,
        llava,
        llava_next,
        llava_onevision,
        fast_vlm,
        idefics3,
        smolvlm,
        gemma3,
        gemma3n,
        gemma4,
        internvl,
        mistral3,
        lfm2_vl,
        aya_vision,
        cohere2_vision,
        ovis2,
        qwen2_5_omni_thinker,
        qwen2_audio,
        audioflamingo3,
        voxtral,
    )
}
AUDIO = ("qwen2_audio", "audioflamingo3", "voxtral")  # hear and do not see
BARE = ("voxtral",)  # its processor reads no sound in its call
HEARING = (*AUDIO, "qwen2_5_omni_thinker", "gemma4")  # and their caches are exact
INEXACT = ("gemma3n",)  # hears, but a clip otherwise beside a longer one

# What the family's template does with the schemas of tools, with a call, and with a result.
SHOWN, LOST, RAISES = "shown", "lost", "raises"
TOOLS: dict[str, tuple[str, str, str]] = dict.fromkeys(FAMILIES, (LOST, LOST, SHOWN)) | {
    "qwen3_vl": (SHOWN, SHOWN, SHOWN),
    "qwen3_5": (SHOWN, SHOWN, SHOWN),
    "gemma4": (SHOWN, SHOWN, SHOWN),  # a result belongs to the turn of its call
    "lfm2_vl": (SHOWN, SHOWN, SHOWN),
    "mistral3": (SHOWN, SHOWN, SHOWN),  # a list of parts as its repr: an image in a result is lost
    "cohere2_vision": (SHOWN, SHOWN, SHOWN),  # an image in a result is lost
    "glm4v": (LOST, LOST, LOST),  # and an assistant's list of parts is shown as its repr
    "aya_vision": (LOST, LOST, LOST),
    "llava_next": (LOST, LOST, RAISES),
    "gemma3": (LOST, LOST, RAISES),
    "gemma3n": (LOST, LOST, RAISES),
    "voxtral": (LOST, LOST, LOST),
}


def make(name: str, folder: Path) -> Path:
    """Saves the checkpoint of family `name` in `folder`, as `from_pretrained` wants it, and returns the folder."""
    model, processor = FAMILIES[name]()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return Path(folder)
