"""Pictures from words, with a tiny random pipeline made here."""

import pytest

from agentmm.errors import ConfigError, ToolError
from agentmm.registry import load_tool

WORDS = ["<|startoftext|>", "<|endoftext|>", "a", "red", "circle</w>", "a</w>", "red</w>", "r", "e", "d", "c", "i", "l"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A latent diffusion pipeline with random weights, of some 100 kB."""
    pytest.importorskip("diffusers")
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("pipeline")
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(WORDS))}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=8)
    text = CLIPTextConfig(
        vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=8, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 8),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16, attention_head_dim=2, norm_num_groups=4,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4, latent_channels=4, sample_size=16,
    )  # fmt: skip
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(place, safe_serialization=True)
    return str(place)


@pytest.mark.filterwarnings("ignore")
def test_equal_seeds_give_equal_pictures(folder):
    tool = load_tool("imagine", pipeline=folder, steps=2)
    first = tool.call(prompt="a red circle").value["image"]
    assert (first.width, first.height) == (16, 16)
    assert tool.call(prompt="a red circle").value["image"].sha == first.sha
    assert tool.with_options(seed=1).call(prompt="a red circle").value["image"].sha != first.sha


def test_without_a_pipeline_it_says_how_to_name_one():
    with pytest.raises(ToolError, match=r"no picture maker is configured; .*load_tool\(\"imagine\", pipeline="):
        load_tool("imagine").call(prompt="a cat")


def test_a_folder_that_is_no_pipeline(tmp_path):
    pytest.importorskip("diffusers")
    with pytest.raises(ConfigError, match="cannot load the pipeline") as caught:
        load_tool("imagine", pipeline=str(tmp_path)).call(prompt="a cat")
    assert "\n" not in str(caught.value)
