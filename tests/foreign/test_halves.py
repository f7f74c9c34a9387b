"""Half precision: episodes go together to its own rounding, which is measured; or one by one where that is asked."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from agentmm.cli import run
from agentmm.planner import examination, load_planner
from agentmm.planner.batching import Batch
from agentmm.planner.foreign import widened
from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.exactness import measure
from agentmm.planner.foreign.widened import in_float32
from agentmm.planner.sequence import Request
from tests.foreign import checkpoints
from tests.foreign.abilities import DECODER
from tests.foreign.checkpoints import FAMILIES
from tests.foreign.test_abreast import engine_of, requests_of
from tests.foreign.test_sessions import RIGID, SPECS, asked, picture, told_of
from tests.planner.kit import all_of

# peft asks transformers by an old name; glm4v's processor calls np.array on a tensor
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

HALVES = ("bfloat16", "float16")


@pytest.fixture(scope="module")
def halved(checkpoint):
    """A family's name, a precision and settings -> a planner loaded in it."""
    loaded = {}

    def of(family: str, dtype: str, settings: str = "") -> Any:
        key = (family, dtype, settings)
        if key not in loaded:
            loaded[key] = load_planner(f"hf:{checkpoint(family)}{settings}", dtype=dtype, max_tokens=6)
        return loaded[key]

    return of


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A folder with a llava of 24 layers, whose rounding adds up."""
    folder = tmp_path_factory.mktemp("deep") / "llava"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(checkpoints.TEXT, "num_hidden_layers", 24)
        checkpoints.make("llava", folder)
    return folder


@pytest.fixture(scope="module")
def adapter(checkpoint, tmp_path_factory):
    """A LoRA adapter of qwen2_5_vl that shows."""
    from peft import LoraConfig, get_peft_model

    folder: Path = tmp_path_factory.mktemp("lora")
    torch.manual_seed(0)
    config = LoraConfig(r=2, lora_alpha=8, target_modules=DECODER, init_lora_weights=False)
    get_peft_model(load_planner(f"hf:{checkpoint('qwen2_5_vl')}").model, config).save_pretrained(str(folder))
    return folder


def rows_of(chat: Any, patch: Any) -> list[int]:
    """Rows of each pass from now on."""
    seen, own = [], chat.model.forward

    def forward(input_ids: Any, **given: Any) -> Any:
        seen.append(len(input_ids))
        return own(input_ids=input_ids, **given)

    patch.setattr(chat.model, "forward", forward)
    return seen


def gaps(chat: Any, request: Request, ids: list[int]) -> list[float]:
    """How far the likeliest token is before the next one, at each of these tokens, of the sequence alone."""
    with torch.inference_mode():
        _, logits, step, _ = engine_of(chat, together=False).fed(request.prompt, picture)
        found = []
        for token in ids:
            first, second = logits.topk(2).values.tolist()
            found.append(first - second)
            logits = step(token)
    return found


def same_but_for_ties(chat: Any, made: list[Request], got: list[list[int]], want: list[list[int]]) -> int:
    """Compare tokens up to the first near tie of each sequence; how many were no near ties.

    A logit moves by two roundings at most, so the likeliest token stays where it leads by more than four.
    """
    surely = 0
    for request, wrote, expected in zip(made, got, want, strict=True):
        for lead, token, other in zip(gaps(chat, request, expected), wrote, expected, strict=False):
            surely += lead > 4 * chat.exactness.coarse
            assert token == other or lead <= 4 * chat.exactness.coarse
            if token != other:
                break
    return surely


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("family", ["qwen2_5_vl", "llava", "gemma3"])
def test_a_batch_writes_what_each_writes_alone_but_for_near_ties(family, dtype, halved, monkeypatch):
    chat = halved(family, dtype)
    measured = chat.exactness
    assert (measured.exact, measured.half) == (True, dtype)
    assert measured.together == measured.words == measured.ahead == (family not in RIGID)
    assert max(measured.difference, measured.apart or 0.0) <= 2 * measured.coarse
    made = requests_of(chat, 6, 0.0)
    alone = engine_of(chat, together=False)
    want = [alone.complete(one.prompt, picture, None, one.sampling).ids for one in made]
    with monkeypatch.context() as patch:
        rows = rows_of(chat, patch)
        got = [done.ids for done in all_of(Batch(engine_of(chat)), made)]
    assert (max(rows) > 1) == (family not in RIGID)
    assert same_but_for_ties(chat, made, got, want) >= (3 if dtype == "bfloat16" else 10)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_goes_in_half_precision_as_it_does_in_float32(family, dtype, planner, halved):
    plain, measured = planner(family).exactness, halved(family, dtype).exactness
    assert measured.coarse is not None
    same = ("exact", "together", "words", "ahead", "features")
    assert [getattr(measured, name) for name in same] == [getattr(plain, name) for name in same]


def test_what_bfloat16_rounds_is_measured_on_float32(halved):
    """The same weights in a model of float32 say what bfloat16 rounds: of words alone, for it rounds pixels as well."""
    chat = halved("llava", "bfloat16")
    told = told_of(chat, [asked("How many dots are there in it, and which of them is the largest?")])
    wide = deepcopy(chat.model).float()
    places = range(len(told.ids))
    with torch.inference_mode():
        engine, other = (ForeignModel(model, chat.pictures, (), None) for model in (chat.model, wide))
        own, want = engine.uncached(told, picture, places), other.uncached(told, picture, places)
        with in_float32(chat.model):
            got = engine.uncached(told, picture, places)
        again = engine.uncached(told, picture, places)
    assert torch.equal(own, again)
    off = float((own - want).abs().max())
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    assert off / 4 < chat.exactness.coarse < off * 4


@pytest.mark.parametrize("kept", [0, 2**30])
def test_weights_lent_to_float32_come_back_also_from_a_pass_that_fails(kept, halved, monkeypatch):
    chat = halved("llava", "float16")
    monkeypatch.setattr(widened, "KEPT", kept)
    before = [(name, weight) for name, weight in chat.model.named_parameters()]
    layer = chat.model.get_decoder().layers[1]

    def fail(*args: Any, **given: Any) -> Any:
        assert next(layer.parameters()).dtype == torch.float32
        raise MemoryError("no room for it")

    with torch.inference_mode(), in_float32(chat.model):
        chat.model(input_ids=torch.tensor([[1, 2, 3]]))
        assert layer.mlp.up_proj.weight.dtype == (torch.float32 if kept else torch.float16)
    with monkeypatch.context() as patch:
        patch.setattr(layer.mlp, "forward", fail)
        with pytest.raises(MemoryError), torch.inference_mode(), in_float32(chat.model):
            chat.model(input_ids=torch.tensor([[1, 2, 3]]))
    after = list(chat.model.named_parameters())
    assert [name for name, _ in before] == [name for name, _ in after]
    assert all(one is other for (_, one), (_, other) in zip(before, after, strict=True))
    assert {weight.dtype for _, weight in after} == {torch.float16}
    assert not layer._forward_pre_hooks
    assert not layer._forward_hooks


def test_a_deep_model_goes_together_to_the_rounding_of_its_precision(deep, monkeypatch):
    """24 layers round more than 3 % of the largest logit, by which such a model had no cache that is exact."""
    chat = load_planner(f"hf:{deep}", dtype="bfloat16", max_tokens=4)
    measured = chat.exactness
    assert (measured.exact, measured.together, measured.words) == (True, True, True)
    assert measured.difference > 0.03 * 5
    bound = chat.bind_tools(SPECS)
    rows = rows_of(chat, monkeypatch)
    bound.batch([[asked(words)] for words in ("What is it?", "Red?", "How many?")])
    assert chat.batching.most > 1
    assert max(rows) > 1


def test_a_fault_below_the_rounding_is_seen_in_float32(halved, monkeypatch):
    """Sequences side by side get 0.01 too much, less than bfloat16 rounds: wrong all the same."""
    chat = halved("llava", "bfloat16")
    assert chat.exactness.coarse > 0.02
    own = chat.model.forward

    def forward(input_ids: Any, **given: Any) -> Any:
        out = own(input_ids=input_ids, **given)
        if len(input_ids) > 1:
            out.logits += 0.01
        return out

    monkeypatch.setattr(chat.model, "forward", forward)
    found = measure(chat.model, chat.pictures, chat.spelling)
    assert (found.exact, found.together, found.words) == (True, False, False)
    assert found.turns.startswith("in float32, logits differ by 0.01, more than 0.000")


def test_a_cache_that_is_not_exact_in_float32_is_not_in_half_precision(halved):
    """The encoder of sounds of gemma3n hears a clip otherwise beside a longer one: 0.07, and bfloat16 rounds 0.13."""
    measured = halved("gemma3n", "bfloat16").exactness
    assert measured.difference < measured.coarse
    assert not measured.exact
    assert measured.why.startswith("in float32, cached logits differ by 0.0")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_exact_batch_goes_one_by_one_and_is_equal_to_the_bit(dtype, halved, monkeypatch):
    chat = halved("qwen2_5_vl", dtype, "?batch=exact")
    assert chat.exactness.together
    given = [[asked(words)] for words in ("What is it?", "Red?", "How many dots?")]
    bound, free = chat.bind_tools(SPECS), chat.model_copy(update={"keep_sessions": False}).bind_tools(SPECS)
    want = [free.invoke(messages).response_metadata for messages in given]
    rows = rows_of(chat, monkeypatch)
    chat.__dict__.pop("engine", None)
    got = [said.response_metadata for said in bound.batch(given)]
    assert chat.batching.most > 1
    assert set(rows) == {1}
    assert [one["completion_ids"] for one in got] == [one["completion_ids"] for one in want]
    assert [one["logp"] for one in got] == [one["logp"] for one in want]


@pytest.mark.parametrize("dtype", ["float32", *HALVES])
def test_with_an_adapter_episodes_go_together(dtype, halved, adapter, monkeypatch):
    chat = halved("qwen2_5_vl", dtype, f"?adapter={adapter}")
    assert (chat.exactness.together, chat.exactness.words) == (True, True)
    made = requests_of(chat, 12, 0.0)
    alone = engine_of(chat, together=False)
    want = [alone.complete(one.prompt, picture, None, one.sampling) for one in made]
    rows = rows_of(chat, monkeypatch)
    got = all_of(Batch(engine_of(chat)), made)
    assert max(rows) > 1
    if dtype == "float32":
        assert [done.ids for done in got] == [done.ids for done in want]
        for done, expected in zip(got, want, strict=True):
            assert done.logp == pytest.approx(expected.logp, abs=1e-4)
    else:
        assert same_but_for_ties(chat, made, [done.ids for done in got], [done.ids for done in want]) >= 3


def test_doctor_says_what_half_precision_rounds(checkpoint, capsys, monkeypatch):
    monkeypatch.setattr(examination, "load_planner", lambda name: load_planner(name, dtype="bfloat16"))
    assert run(["doctor", "--planner", f"hf:{checkpoint('qwen2_5_vl')}"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[6].startswith("sessions  exact, to the rounding of bfloat16: a step feeds only what is new, largest")
    assert said[7].startswith("batch     abreast, to the rounding of bfloat16: the steps of several episodes are one")
    assert said[8] == "          a near tie may fall otherwise than alone; ?batch=exact gives each passes of its own"
    assert said[9].startswith("precision bfloat16: ")
    assert run(["doctor", "--planner", f"hf:{checkpoint('qwen2_5_vl')}?batch=exact"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[7] == "batch     in turns: each episode has passes of its own (batch=exact)"
