"""Each foreign checkpoint can be saved, loaded through the Auto classes, shown images and asked."""

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoModelForMultimodalLM, AutoModelForSeq2SeqLM, AutoProcessor

from tests.foreign.checkpoints import AUDIO, BARE, FAMILIES, HEARING, ODD, TOOLS, make

# glm4v's processor calls np.array on a tensor, which numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SIZES = [(60, 40), (40, 80)]
TOOL = {"name": "find_objects", "description": "Finds.", "parameters": {"type": "object", "properties": {}}}
CALL = {"type": "function", "id": "call00001", "function": {"name": "zoom_in", "arguments": {"image": "image_1"}}}


@pytest.fixture(scope="module", params=[family for family in FAMILIES if family not in BARE])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def loaded(family, tmp_path_factory):
    folder = make(family, tmp_path_factory.mktemp(family))
    auto = AutoModelForMultimodalLM if family in AUDIO else AutoModelForImageTextToText
    auto = AutoModelForSeq2SeqLM if family in ODD else auto
    return AutoProcessor.from_pretrained(folder), auto.from_pretrained(folder)


def picture(size, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def media(family, size, seed=0):
    """An image of a size in px, or for a family that hears, a sound of as many hundredths of a second."""
    if family in AUDIO:
        return {"type": "audio", "audio": np.random.default_rng(seed).normal(size=160 * sum(size)).astype("float32")}
    return {"type": "image", "image": picture(size, seed)}


def text(words):
    return {"type": "text", "text": words}


def read(processor, *content):
    """What the processor makes of one user's turn."""
    conversation = [{"role": "user", "content": list(content)}]
    return processor.apply_chat_template(
        conversation,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )


@pytest.mark.parametrize("size", SIZES)
def test_media_become_a_few_tokens_and_the_model_answers(family, loaded, size):
    processor, model = loaded
    inputs = read(processor, media(family, size), text("What is this?"))
    config = model.config
    token = config.audio_token_id if family in AUDIO else config.image_token_id
    assert 4 <= (inputs["input_ids"] == token).sum() <= 70
    with torch.no_grad():
        assert model(**inputs).logits.isfinite().all()
        answer = model.generate(**inputs, max_new_tokens=4, do_sample=False)
    assert inputs["input_ids"].shape[1] < answer.shape[1] <= inputs["input_ids"].shape[1] + 4


def test_other_media_give_other_logits(family, loaded):
    processor, model = loaded
    with torch.no_grad():
        one, other = (model(**read(processor, media(family, (60, 40), seed), text("?"))).logits for seed in (0, 1))
    assert (one[:, -1] - other[:, -1]).abs().max() > 0.01


def test_media_of_two_sizes_go_together(family, loaded):
    processor, model = loaded
    parts = [media(family, size, seed) for seed, size in enumerate(SIZES)]
    if family in ODD:
        inputs = processed(family, processor, f"{processor.audio_token} {processor.audio_token} Which is red?", *parts)
    else:
        inputs = read(processor, *parts, text("Which is red?"))
    with torch.no_grad():
        assert model(**inputs).logits.isfinite().all()


def processed(family, processor, words, *parts):
    """What the processor makes of a rendered text; no mask, as nothing is padded."""
    kind = "audio" if family in AUDIO else "images"
    given = {kind: [part["audio" if family in AUDIO else "image"] for part in parts]}
    if family in AUDIO:
        given["sampling_rate"] = 16000
    if family in ODD and len(parts) > 1:  # it takes one sound a text: the text is cut before each other sound
        cuts = [0, *(at.start() for at in re.finditer(processor.audio_token, words)), len(words)]
        texts = [words[0 : cuts[2]], *(words[a:b] for a, b in pairwise(cuts[2:]))]
        one = [processed(family, processor, *each) for each in zip(texts, parts, strict=True)]
        return {name: torch.cat([each[name] for each in one], dim=-1 if name == "input_ids" else 0) for name in one[0]}
    inputs = dict(processor(text=words, return_tensors="pt", add_special_tokens=False, **given))
    return {name: value for name, value in inputs.items() if name != "attention_mask"}


def test_second_image_fed_on_a_cache_gives_the_logits_of_the_whole(family, loaded):
    """Exact for every family with explicit positions, the token types of all so far, and no mask of its own."""
    processor, model = loaded
    parts = [media(family, size, seed) for seed, size in enumerate(SIZES)]
    said = {"role": "assistant", "content": [text("A dog.")]}
    asked = [{"role": "user", "content": [part, text(f"number {at}")]} for at, part in enumerate(parts)]
    rendered = processor.apply_chat_template([asked[0], said, asked[1]], add_generation_prompt=True, tokenize=False)
    cut = rendered.index("number 0")
    whole = processed(family, processor, rendered, *parts)
    first = processed(family, processor, rendered[:cut], parts[0])
    second = processed(family, processor, rendered[cut:], parts[1])
    at, length = first["input_ids"].shape[1], whole["input_ids"].shape[1]
    assert torch.equal(torch.cat([first["input_ids"], second["input_ids"]], dim=1), whole["input_ids"])
    positions = torch.arange(length)[None]
    if hasattr(model.model, "get_rope_index"):
        kinds = {} if family in HEARING else {"mm_token_type_ids": whole["mm_token_type_ids"]}
        grid = whole["image_grid_thw"]
        positions, _ = model.model.get_rope_index(input_ids=whole["input_ids"], image_grid_thw=grid, **kinds)
    so_far = {name: whole[name] for name in ("token_type_ids", "mm_token_type_ids") if name in whole}
    with torch.no_grad():
        # without a mask, one of them counts no positions in three dimensions
        expected = model(**whole, attention_mask=torch.ones_like(whole["input_ids"])).logits[:, at:]
        cache = model(**first, position_ids=positions[..., :at], use_cache=True).past_key_values
        given = second | so_far | {"position_ids": positions[..., at:]}
        logits = model(**given, past_key_values=cache, use_cache=True).logits
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_any_text_comes_back(loaded):
    tokenizer = loaded[0].tokenizer
    words = 'Zwölf 犬 🦊\n\tlet x = {"a": [1, 2]};  '
    assert tokenizer.decode(tokenizer(words, add_special_tokens=False)["input_ids"]) == words


def test_loaded_tokenizer_reads_as_the_one_that_was_made(family, loaded):
    words = "What is it? It's 12 dogs,\n\n there." + "".join(sorted(loaded[0].tokenizer.get_added_vocab()))
    made = FAMILIES[family]()[1].tokenizer
    assert loaded[0].tokenizer(words)["input_ids"] == made(words)["input_ids"]


def test_loaded_weights_and_template_are_those_that_were_made(family, loaded):
    processor, model = loaded
    made, made_processor = FAMILIES[family]()
    assert type(model) is type(made)
    assert type(processor) is type(made_processor)
    assert processor.chat_template == made_processor.chat_template
    assert sum(weight.numel() for weight in made.parameters()) < 1_000_000
    state = made.state_dict()
    assert all(torch.equal(weight, state[name]) for name, weight in model.state_dict().items())


def test_an_end_of_turn_ends_an_answer(loaded):
    processor, model = loaded
    ends = model.generation_config.eos_token_id
    assert processor.tokenizer.eos_token_id in (ends if isinstance(ends, list) else [ends])


def test_template_treats_tools_as_the_family_does(family, loaded):
    processor, _ = loaded
    user = {"role": "user", "content": [text("Hello")]}
    calls = {"role": "assistant", "content": [text("Looking.")], "tool_calls": [CALL]}
    result = {"role": "tool", "name": "zoom_in", "content": [text("RESULT")]}
    schemas = processor.apply_chat_template([user], tools=[{"type": "function", "function": TOOL}], tokenize=False)
    called = processor.apply_chat_template([user, calls], tokenize=False)
    try:
        told = "shown" if "RESULT" in processor.apply_chat_template([user, calls, result], tokenize=False) else "lost"
    except Exception as error:
        assert type(error).__name__ == "TemplateError"  # noqa: PT017 (jinja2 is transformers' own business)
        told = "raises"
    shown = {True: "shown", False: "lost"}
    assert (shown["find_objects" in schemas], shown["zoom_in" in called], told) == TOOLS[family]
