"""The encoder with a convolutional stem."""

from __future__ import annotations

import pytest
import torch

from agentmm.errors import ConfigError
from agentmm.model import MultimodalLM, load_preset
from agentmm.model.encoder.conv_vit import ConvViT

SIZES = {"image_size": 64, "patch_size": 16, "width": 32, "layers": 1, "heads": 2}


def encoder() -> ConvViT:
    torch.manual_seed(0)
    made = ConvViT(**SIZES, stem=[8, 8, 16, 16])
    torch.nn.init.normal_(made.position, std=0.02)
    return made.eval()


def test_one_feature_for_each_patch_in_raster_order() -> None:
    """A change in the lower right corner moves the features there most."""
    net = encoder()
    net.blocks = torch.nn.ModuleList()
    dark = torch.zeros(1, 3, 64, 64)
    light = dark.clone()
    light[:, :, 48:, 48:] = 1.0
    with torch.inference_mode():
        moved = (net.stem(light) - net.stem(dark)).abs().sum(1).flatten()
        assert net(dark).shape == (1, 16, 32)
    assert int(moved.argmax()) == 15


def test_pictures_of_a_batch_do_not_mix() -> None:
    net, pictures = encoder(), torch.rand(3, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        together = net(pictures)
        alone = torch.cat([net(picture[None]) for picture in pictures])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_a_stem_that_does_not_fit_the_patches_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 2\\^steps = 16"):
        ConvViT(**SIZES, stem=[8, 16])


def test_nano_is_small_enough_to_ship() -> None:
    model = MultimodalLM(load_preset("nano"))
    assert model.encode_images(torch.zeros(1, 3, 128, 128)).shape == (1, 16, 256)
    assert 2 * sum(parameter.numel() for parameter in model.parameters()) <= 12e6
