"""From `hf:NAME` to a planner or to one clear line; what doctor says; adapters on top."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from langchain_core.messages import HumanMessage
from safetensors.torch import load_file, save_file

from agentmm.cli import run
from agentmm.errors import MissingExtra, PlannerError, UnknownPlanner
from agentmm.planner import load_planner
from agentmm.planner.foreign.loading import in_bits
from agentmm.planner.foreign.naming import Named, identity
from tests.foreign.checkpoints import TEXT

# peft asks transformers by an old name
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture
def offline(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def copied(checkpoint, tmp_path):
    """A copy of a checkpoint that a test may spoil."""

    def of(family):
        return shutil.copytree(checkpoint(family), tmp_path / family)

    return of


def line_of(name):
    with pytest.raises(PlannerError) as raised:
        load_planner(name)
    assert "\n" not in str(raised.value)
    return str(raised.value), raised.value.exit_code


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("hf:./gone", "no planner weights there; got './gone'"),
        ("hf:/gone/away", "no planner weights there; got '/gone/away'"),
        ("hf:owner/gone", "no such model on this machine, and the hub cannot be reached; got 'owner/gone'"),
        ("hf:owner/gone?quantise=4", "a planner's name is malformed; got 'hf:owner/gone?quantise=4'"),
        ("hf:?adapter=here", "a planner's name is malformed"),
        ("hf:owner/gone?batch=exact&batch=exact", "a setting of a planner's name stands there twice; got"),
        ("hf:owner/gone?bits=5", "a planner's name is malformed; got 'hf:owner/gone?bits=5'"),
        ("hf:owner/gone?bits=", "a planner's name is malformed"),
        ("hf:owner/gone?batch=", "a planner's name is malformed"),
        ("hf:owner/gone?batch=fast", "a planner's name is malformed; got 'hf:owner/gone?batch=fast'"),
        ("hf:owner/gone?bits=4&adapter=", "a planner's name is malformed"),
        (
            "hf:owner/gone?adapter=a/b?batch=exact",
            "settings of a planner's name are joined by &; got 'hf:owner/gone?adapter=a/b?batch=exact'; "
            "try: 'hf:owner/gone?adapter=a/b&batch=exact'",
        ),
    ],
)
def test_a_name_of_nothing_is_wrong_usage(offline, name, line):
    said, code = line_of(name)
    assert said.startswith(line)
    assert code == 2


def test_names():
    assert Named.of("hf:owner/name") == ("owner/name", None, None, False)
    assert Named.of("hf:folder?adapter=runs/a b") == ("folder", "runs/a b", None, False)
    assert Named.of("hf:folder?bits=8") == ("folder", None, 8, False)
    assert Named.of("hf:folder?adapter=lora&bits=4") == ("folder", "lora", 4, False)
    assert Named.of("hf:folder?batch=exact") == ("folder", None, None, True)
    assert Named.of("hf:folder?bits=4&batch=exact") == ("folder", None, 4, True)


def test_a_folder_without_weights(tmp_path):
    assert line_of(f"hf:{tmp_path}") == (
        f"no planner weights there; got {str(tmp_path)!r}; expected a folder with config.json; "
        "try: hf:FOLDER, hf:OWNER/NAME, each with ?adapter=FOLDER where there is one, ?bits=4 or ?bits=8 on a GPU, "
        "?batch=exact; of several the others follow & (?adapter=FOLDER&batch=exact)",
        2,
    )


def test_a_text_model_is_none_that_sees(tmp_path):
    from transformers import LlamaConfig

    LlamaConfig(**TEXT).save_pretrained(tmp_path)
    said, code = line_of(f"hf:{tmp_path}")
    assert "reads no pictures or sounds beside words" in said
    assert "(llama)" in said
    assert code == 2


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl"])
def test_a_folder_without_a_processor(copied, family):
    folder = copied(family)
    for file in ("processor_config.json", "preprocessor_config.json"):
        (folder / file).unlink(missing_ok=True)
    said, code = line_of(f"hf:{folder}")
    assert "no processor" in said
    assert "processor.save_pretrained" in said
    assert code == 1


def test_a_folder_without_a_template(copied):
    folder = copied("llava")
    (folder / "chat_template.jinja").unlink()
    said, _ = line_of(f"hf:{folder}")
    assert "the model has no chat template" in said


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{ raise_exception('no turns today') }}", "no turns today"),
        ("{{ nothing.at.all }}", "refuses the conversation"),
        ("{% for m in messages %}\n{{ m.role }", "the model's chat template cannot be read: line 2: "),
        ("{% for m in messages %}{{ m.role }}: hello{% endfor %}", "loses a turn"),
        (
            "{% for m in messages %}<s>{{ m.role }}: "
            "{% for p in m.content %}{{ p.text if p.type == 'text' }}{% endfor %}</s>{% endfor %}",
            "shows no picture",
        ),
    ],
)
def test_a_template_that_cannot_be_used(copied, template, line):
    folder = copied("llava")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    said, code = line_of(f"hf:{folder}")
    assert line in said
    assert code == 1


def test_a_vocabulary_without_the_marks_of_its_processor(copied):
    folder = copied("llava")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["text_config"]["vocab_size"] = 300  # the marks come after the 256 bytes and their merges
    config["text_config"] |= {"pad_token_id": None, "bos_token_id": None, "eos_token_id": None}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "model.safetensors").unlink()
    from transformers import AutoConfig, AutoModelForImageTextToText

    AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    said, code = line_of(f"hf:{folder}")
    assert "the model's vocabulary lacks the marks of its processor" in said
    assert code == 1


def test_weights_that_are_cut_off(copied):
    folder = copied("llava")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "the model's weights cannot be loaded" in line_of(f"hf:{folder}")[0]


def test_an_option_of_our_own_models_alone(checkpoint):
    with pytest.raises(PlannerError, match="has no such option; got 'think'"):
        load_planner(f"hf:{checkpoint('llava')}", think=True)


def test_weights_are_known_by_their_content(checkpoint, copied):
    name = f"hf:{checkpoint('llava')}"
    first, same, other = (
        load_planner(n).weights_id for n in (name, f"hf:{copied('llava')}", f"hf:{copied('llava_next')}")
    )
    assert first == same != other


@pytest.mark.parametrize("bits", [4, 8])
def test_fewer_bits_need_a_gpu_and_a_package(bits, checkpoint, monkeypatch):
    with pytest.raises(PlannerError) as raised:
        load_planner(f"hf:{checkpoint('llava')}?bits={bits}", device="cpu")
    assert str(raised.value) == f"weights of {bits} bits need a GPU; got 'cpu'; try: the name without ?bits={bits}"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as lacking:
        in_bits(bits, "cuda")
    assert str(lacking.value) == 'bitsandbytes is not installed; try: pip install "agentmm[bits]"'


@pytest.mark.parametrize("bits", [4, 8])
def test_fewer_bits_are_asked_of_the_library(bits, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    asked = in_bits(bits, "cuda:1")
    config = asked["quantization_config"]
    assert (config.load_in_4bit, config.load_in_8bit) == (bits == 4, bits == 8)
    assert asked["device_map"] == {"": "cuda:1"}


def test_what_fewer_bits_ask_for_is_given_to_the_library(checkpoint, monkeypatch):
    """In place of bits, which need a GPU: a precision that shows in the model."""
    asked = {"dtype": torch.bfloat16, "device_map": {"": "cpu"}}
    monkeypatch.setattr("agentmm.planner.foreign.loading.in_bits", lambda bits, device: asked)
    chat = load_planner(f"hf:{checkpoint('llava')}?bits=8", device="cpu")
    assert chat.model.dtype == torch.bfloat16


def test_fewer_bits_are_other_weights(tmp_path):
    config = type("Config", (), {"_commit_hash": "0123456789abcdef0123"})()
    names = ["hf:a/b", "hf:a/b?bits=8", "hf:a/b?bits=4", "hf:a/b?batch=exact"]
    said = [identity(Named.of(name), config) for name in names]
    assert said == ["0123456789abcdef", "0123456789abcdef/8bit", "0123456789abcdef/4bit", "0123456789abcdef"]


# the adapter is on `q_proj` and `v_proj` of the decoder; its halves are not zero, so that it shows
@pytest.fixture
def adapter(checkpoint, tmp_path):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(checkpoint("qwen2_5_vl"))
    targets = r".*language_model.*\.(q_proj|v_proj)"
    adapted = get_peft_model(model, LoraConfig(r=2, lora_alpha=8, target_modules=targets, init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "lora")
    return tmp_path / "lora", adapted.merge_and_unload()


def test_an_adapter_loads_on_top(checkpoint, adapter):
    folder, merged = adapter
    plain = load_planner(f"hf:{checkpoint('qwen2_5_vl')}", max_tokens=6, constrained=False)
    chat = load_planner(f"hf:{checkpoint('qwen2_5_vl')}?adapter={folder}", max_tokens=6, constrained=False)
    assert chat.exactness.exact
    assert chat.weights_id == f"{plain.weights_id}+{chat.weights_id.rpartition('+')[2]}"
    said = chat.invoke([HumanMessage("What is it?")])
    ids = chat.telling.render([HumanMessage("What is it?")], [], {}, lambda sha: None, generate=True).ids
    wrote = said.response_metadata["completion_ids"]
    with torch.inference_mode():
        rows = [model(input_ids=torch.tensor([[*ids, *wrote]])).logits[0] for model in (merged, plain.model)]
    own, other = (row[len(ids) - 1 : -1].log_softmax(-1)[range(len(wrote)), wrote].tolist() for row in rows)
    assert said.response_metadata["logp"] == pytest.approx(own, abs=1e-4)
    assert said.response_metadata["logp"] != pytest.approx(other, abs=1e-2)


def test_an_adapter_that_is_none(checkpoint, tmp_path):
    said, code = line_of(f"hf:{checkpoint('llava')}?adapter={tmp_path}")
    assert said.startswith("no adapter there")
    assert code == 1


def test_an_adapter_that_is_not_there(checkpoint, tmp_path):
    said, code = line_of(f"hf:{checkpoint('llava')}?adapter={tmp_path / 'nowhere'}")
    assert said.startswith("there is no such adapter")
    assert code == 2


def test_an_adapter_of_another_model(checkpoint, adapter):
    said, _ = line_of(f"hf:{checkpoint('idefics3')}?adapter={adapter[0]}")
    assert "the adapter cannot be loaded" in said


def test_an_adapter_of_another_class_of_models_is_none_though_its_tensors_fit(checkpoint, adapter):
    said, code = line_of(f"hf:{checkpoint('qwen3_vl')}?adapter={adapter[0]}")
    assert said.startswith(
        f"the adapter cannot be loaded: it is one for another class of models; "
        f"got '{adapter[0]} (Qwen2_5_VLForConditionalGeneration)'; expected Qwen3VLForConditionalGeneration; try: "
    )
    assert code == 1


def test_an_adapter_that_names_no_class_is_judged_by_its_tensors(checkpoint, adapter):
    file = adapter[0] / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"auto_mapping": None}))
    assert load_planner(f"hf:{checkpoint('qwen2_5_vl')}?adapter={adapter[0]}").exactness.exact


def test_an_adapter_whose_layers_the_model_has_not(checkpoint, adapter):
    file = adapter[0] / "adapter_model.safetensors"
    tensors = {name.replace("layers.1.", "layers.7."): tensor for name, tensor in load_file(file).items()}
    save_file(tensors, file)
    said, _ = line_of(f"hf:{checkpoint('qwen2_5_vl')}?adapter={adapter[0]}")
    assert "it is one for another model" in said


@pytest.fixture
def with_adapter(copied, adapter):
    """A checkpoint with an adapter beside its weights, as Granite Speech is."""
    folder = copied("qwen2_5_vl")
    for file in adapter[0].glob("adapter_*"):
        shutil.copy(file, folder)
    return folder


def test_an_adapter_beside_the_weights_is_part_of_the_model(checkpoint, adapter, with_adapter):
    on_top, within = (
        load_planner(f"hf:{name}", max_tokens=1)
        for name in (f"{checkpoint('qwen2_5_vl')}?adapter={adapter[0]}", with_adapter)
    )
    with torch.inference_mode():
        ours, other = (chat.model(input_ids=torch.arange(1, 9)[None]).logits for chat in (on_top, within))
    assert torch.equal(ours, other)
    assert len({on_top.weights_id, within.weights_id, load_planner(f"hf:{checkpoint('qwen2_5_vl')}").weights_id}) == 3


def test_weights_beside_an_adapter_are_whole_too(with_adapter):
    file = with_adapter / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(file).items() if "layers.1.mlp" not in name}
    save_file(kept, file, {"format": "pt"})
    said, _ = line_of(f"hf:{with_adapter}")
    assert said.startswith("the model's weights are incomplete: ")


def test_an_adapter_beside_the_weights_of_another_model(with_adapter):
    file = with_adapter / "adapter_model.safetensors"
    save_file({name.replace("layers.1.", "layers.7."): tensor for name, tensor in load_file(file).items()}, file)
    assert "it is one for another model" in line_of(f"hf:{with_adapter}")[0]


def test_doctor_says_what_a_planner_shows(checkpoint, capsys):
    assert run(["doctor", "--planner", f"hf:{checkpoint('qwen2_5_vl')}"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:5] == ["✗ schema", "✗ call", "✓ result", "✓ image in result"]
    assert "in Hermes form" in said[5]
    assert "exact" in said[6]
    assert said[7].startswith("batch     abreast: the steps of several episodes are one pass, largest difference ")
    assert "4096" in said[8]


def test_doctor_says_it_in_json(checkpoint, capsys):
    assert run(["doctor", "--json", "--planner", f"hf:{checkpoint('qwen3_vl')}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ticks"] == dict.fromkeys(("schema", "call", "result", "image_in_result"), True)
    assert (found["calls"], found["sessions"], found["context"]) == ("template", "exact", 4096)
    assert max(found["difference"], found["apart"]) <= 1e-4
    assert (found["batch"], found["turns"]) == ("abreast", "")


def test_doctor_says_why_episodes_take_turns(checkpoint, capsys):
    assert run(["doctor", "--planner", f"hf:{checkpoint('lfm2_vl')}"]) == 0
    line = "batch     in turns: each episode has passes of its own (its cache slides, convolves or recurs)"
    assert line in capsys.readouterr().out.splitlines()


def test_doctor_says_that_a_family_runs_uncached(checkpoint, capsys, monkeypatch):
    from transformers import LlavaForConditionalGeneration

    own = LlavaForConditionalGeneration.forward

    def forward(self, *given, **named):
        if "position_ids" in named:
            raise TypeError("unexpected keyword argument 'position_ids'")
        return own(self, *given, **named)

    monkeypatch.setattr(LlavaForConditionalGeneration, "forward", forward)
    assert run(["doctor", "--planner", f"hf:{checkpoint('llava')}"]) == 0
    said = capsys.readouterr().out
    assert "sessions  none: every token costs a whole pass" in said
    assert "batch     in turns: each episode has passes of its own (it has no cache that is exact)" in said


def test_doctor_on_nothing(offline, capsys):
    assert run(["doctor", "--planner", "hf:owner/gone"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: no such model on this machine")
    assert said.err.count("\n") == 1


def test_a_model_of_ours_is_loaded_as_before(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "agentmm"}', encoding="utf-8")
    with pytest.raises(Exception) as raised:  # noqa: PT011 (whatever our own loader says of an empty folder)
        load_planner(f"hf:{tmp_path}")
    assert not isinstance(raised.value, UnknownPlanner)


def test_doctor_on_a_model_that_hears(checkpoint, capsys):
    assert run(["doctor", "--planner", f"hf:{checkpoint('qwen2_audio')}"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:5] == ["✗ schema", "✗ call", "✓ result", "✓ audio in result"]
    assert "exact" in said[6]


def test_a_model_of_ours_takes_no_settings_in_its_name():
    from agentmm.planner.chat import NANO

    with pytest.raises(UnknownPlanner, match="takes no settings") as raised:
        load_planner(f"hf:{NANO}?bits=4")
    assert str(raised.value).count("\n") == 0


def test_adapters_of_the_hub_are_known_by_their_files(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name, weights in (("one", b"1"), ("two", b"2")):
        kept = tmp_path / f"models--owner--{name}"
        for file, held in (("refs/main", b"c0ffee"), ("snapshots/c0ffee/adapter_config.json", b"{}")):
            (kept / file).parent.mkdir(parents=True, exist_ok=True)
            (kept / file).write_bytes(held)
        (kept / "snapshots/c0ffee/adapter_model.safetensors").write_bytes(weights)
    base = type("Config", (), {"_commit_hash": "a" * 40})
    found = [identity(Named("owner/base", f"owner/{name}"), base) for name in ("one", "two")]
    here = tmp_path / "models--owner--two" / "snapshots" / "c0ffee"
    assert found[0] != found[1] == identity(Named("owner/base", str(here)), base)
