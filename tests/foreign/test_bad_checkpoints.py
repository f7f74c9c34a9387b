"""Checkpoints that somebody spoilt: one line each, told at load, and nothing of the library's before it."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from agentmm.cli import run


@pytest.fixture
def copied(checkpoint, tmp_path):
    """A copy of a family's checkpoint that a test may spoil."""
    return lambda family: shutil.copytree(checkpoint(family), tmp_path / family)


@pytest.fixture
def doctor(capfd):
    """What `agentmm doctor` says of a planner: its code, stdout, stderr, file descriptors and all."""

    def call(name, *more):
        capfd.readouterr()
        code = run(["doctor", "--planner", f"hf:{name}", *more])
        said = capfd.readouterr()
        return code, said.out, said.err

    return call


def refused(doctor, name, code=1):
    """The one line of a planner that cannot be loaded."""
    got, out, err = doctor(name)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert err.startswith("error: ")
    assert "; try: " in err
    return err.removeprefix("error: ").rstrip("\n")


def without_tokens(folder, *marks):
    """Take tokens out of a tokenizer, as where it was saved before they were added."""
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    told["added_tokens"] = [token for token in told["added_tokens"] if token["content"] not in marks]
    file.write_text(json.dumps(told), encoding="utf-8")
    file = folder / "tokenizer_config.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    told = {name: "<|endoftext|>" if value in marks else value for name, value in told.items()}
    file.write_text(json.dumps(told), encoding="utf-8")


@pytest.mark.parametrize("marks", [("<|im_end|>",), ("<|im_start|>", "<|im_end|>")])
def test_a_mark_that_ends_turns_and_is_no_token(copied, doctor, marks):
    folder = copied("qwen3_vl")
    without_tokens(folder, *marks)
    line = refused(doctor, folder)
    assert line.startswith("the model's vocabulary lacks the marks of its chat template; got '<|im_end|> as ")
    assert "tokens'; expected one token, or an eos behind it: the model's turns end with it; try: the token" in line


def test_turn_marks_whose_tokens_were_lost(copied, doctor):
    """Of GLM's, `<|user|>` ends an assistant's turn; the template writes nothing behind that."""
    folder = copied("glm4v")
    gone = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>", "[gMASK]", "<sop>")
    ends = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))["eos_token_id"]
    without_tokens(folder, *gone)
    line = refused(doctor, folder)
    assert line.startswith("the model's vocabulary lacks the marks of its chat template; got '<|user|> as ")
    said = f"tokens'; expected one token: the model ends with token {ends[1]}, which the tokenizer does not know; try: "
    assert said in line


def test_marks_of_calls_that_are_no_tokens_are_written_as_plain_text(copied, doctor, checkpoint):
    line = "calls     as its own template writes them, <tool_call> and </tool_call> as plain text"
    code, out, _ = doctor(checkpoint("qwen3_vl"))
    assert (code, out.splitlines()[5]) == (0, line)
    assert json.loads(doctor(checkpoint("qwen3_vl"), "--json")[1])["plain"] == ["<tool_call>", "</tool_call>"]
    assert json.loads(doctor(checkpoint("lfm2_vl"), "--json")[1])["plain"] == []


def test_a_tokenizer_without_words(copied, doctor):
    folder = copied("qwen3_vl")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).unlink()
    assert refused(doctor, folder).startswith("the model's tokenizer knows no words; got '1 tokens'")


def test_marks_of_calls_that_nobody_can_write(copied, doctor):
    folder = copied("qwen3_vl")
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    model = told["model"]  # of its letters "<" becomes the unknown token
    model["vocab"] = {piece: number for piece, number in model["vocab"].items() if "<" not in piece}
    model["merges"] = [pair for pair in model["merges"] if "<" not in "".join(pair)]
    model["unk_token"] = "!"
    file.write_text(json.dumps(told), encoding="utf-8")
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"unk_token": "!"}), encoding="utf-8")
    assert "got '<tool_call> as an unknown token'; expected one token" in refused(doctor, folder)


@pytest.mark.parametrize("end", [99999, -1, "x"])
def test_turns_that_end_with_no_token(copied, doctor, end):
    folder = copied("llava")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": end}), encoding="utf-8")
    line = refused(doctor, folder)
    assert line.startswith(f"the model's turns end with no token of its vocabulary; got {end!r}; expected an eos_token")


def test_code_that_comes_with_a_model_is_not_run(copied, doctor):
    folder = copied("llava")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "mine.py").write_text("raise SystemExit('run')", encoding="utf-8")
    line = refused(doctor, folder)
    assert "contains custom code" in line
    assert line.endswith("no code that comes with a model is run")


def test_a_processor_whose_picture_is_no_picture_to_the_model(copied, doctor):
    folder = copied("llava")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    name = next(name for name in ("image_token_id", "image_token_index") if name in config)
    config[name] = 7
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    line = refused(doctor, folder)
    assert line.startswith("the model's vocabulary lacks the marks of its processor; got 'a picture becomes tokens [")
    assert "expected token 7 among them" in line


def test_a_package_that_a_processor_needs(checkpoint, doctor, monkeypatch):
    from transformers.models.smolvlm import processing_smolvlm

    folder = checkpoint("smolvlm")
    monkeypatch.setattr(processing_smolvlm, "num2words", None)  # as where it is not installed
    line = refused(doctor, folder)
    assert line.startswith("the model needs a package that is not installed: Package `num2words` is required to run")
    assert line.endswith("; try: pip install num2words")


def spoil(folder, how):
    """Write the weights anew, each tensor as `how` gives it; None leaves it out."""
    file = folder / "model.safetensors"
    changed = {name: how(name, tensor) for name, tensor in load_file(file).items()}
    save_file({name: tensor for name, tensor in changed.items() if tensor is not None}, file, {"format": "pt"})


def test_weights_that_lack_a_layer_are_not_made_up(copied, doctor):
    folder = copied("qwen3_vl")
    gone = "language_model.layers.1.mlp"  # up, gate and down
    spoil(folder, lambda name, tensor: None if gone in name else tensor)
    line = refused(doctor, folder)
    assert line.startswith("the model's weights are incomplete: 3 tensors are missing, the first model.language_model")


def test_weights_that_lack_one_tensor(copied, doctor):
    folder = copied("qwen3_vl")
    gone = "language_model.layers.1.mlp.up_proj.weight"
    spoil(folder, lambda name, tensor: None if gone in name else tensor)
    line = refused(doctor, folder)
    assert line.startswith(f"the model's weights are incomplete: 1 tensor is missing, model.{gone}; got ")


def test_weights_of_another_shape(copied, doctor):
    folder = copied("qwen3_vl")
    spoil(folder, lambda name, tensor: tensor[:, :16].clone() if "embed_tokens" in name else tensor)
    line = refused(doctor, folder)
    assert "of another shape than its config.json says: model.language_model.embed_tokens.weight [640, 16]" in line
    assert "expected [640, 32]" in line


def test_weights_that_are_no_numbers(copied, doctor):
    folder = copied("qwen3_vl")
    spoil(folder, lambda name, tensor: torch.full_like(tensor, torch.nan) if "embed_tokens" in name else tensor)
    assert refused(doctor, folder).startswith("the model's logits are no numbers: its weights are spoilt")


def test_nobody_is_told_to_trust_a_file(copied, doctor):
    folder = copied("llava")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"garbage" * 20)
    line = refused(doctor, folder)
    assert "weights_only" not in line
    assert line.startswith("the model's weights cannot be loaded: Weights only load failed; got ")


@pytest.mark.parametrize("weights", [b"", b"no safetensors file at all" * 99, None])
def test_a_file_of_weights_that_is_none(copied, doctor, weights):
    folder = copied("llava")
    (folder / "model.safetensors").unlink()
    if weights is not None:
        (folder / "model.safetensors").write_bytes(weights)
    line = refused(doctor, folder)
    assert line.startswith("the model's weights cannot be loaded: ")
    assert line.endswith("try: save or copy them again: model.save_pretrained(FOLDER)")


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ('{"model_type": ', "config.save_pretrained(FOLDER)"),
        ("[1]", "config.save_pretrained(FOLDER)"),
        ("{}", "config.save_pretrained(FOLDER)"),
        ('{"model_type": "qwen9_vl"}', "pip install --upgrade transformers"),
    ],
)
def test_a_configuration_that_cannot_be_read(tmp_path, doctor, text, mend):
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    line = refused(doctor, tmp_path)
    assert line.startswith("the model's configuration cannot be read: ")
    assert line.endswith(mend)


def test_a_text_model_and_a_name_with_a_wrong_setting_are_wrong_usage(tmp_path, doctor):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    assert refused(doctor, tmp_path, code=2).startswith("the model reads no pictures or sounds beside words")
    for setting in ("batch=fast", "bits=5", "speed=1"):
        line = refused(doctor, f"{tmp_path}?{setting}", code=2)
        assert line.startswith("a planner's name is malformed; got 'hf:")
        assert "?bits=4 or ?bits=8 on a GPU, ?batch=exact" in line


@pytest.mark.parametrize(("config", "weights"), [("{", b""), ('{"peft_type": "LORA", "r": 2}', b"none")])
def test_an_adapter_that_cannot_be_read(checkpoint, doctor, tmp_path, config, weights):
    (tmp_path / "adapter_config.json").write_text(config, encoding="utf-8")
    (tmp_path / "adapter_model.safetensors").write_bytes(weights)
    line = refused(doctor, f"{checkpoint('llava')}?adapter={tmp_path}")
    assert line.startswith("the adapter cannot be loaded: ")
    assert "base_model_name_or_path" in line


def test_a_folder_without_a_processor_or_with_a_template_that_raises(copied, doctor):
    folder = copied("qwen3_vl")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no turns\ntoday') }}", encoding="utf-8")
    line = refused(doctor, folder)
    assert line == (
        "the model's chat template refuses the conversation: no turns today; try: the chat_template.jinja of its maker"
    )
    for file in ("processor_config.json", "preprocessor_config.json"):
        (folder / file).unlink(missing_ok=True)
    assert "processor.save_pretrained(FOLDER)" in refused(doctor, folder)


def test_weights_that_are_all_zero_prove_nothing(copied, doctor):
    folder = copied("qwen3_vl")
    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor * 0 for name, tensor in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    assert refused(doctor, folder).startswith("the model's logits are all equal, whatever it reads: its weights are sp")


def test_a_context_without_room_for_a_question(copied, doctor):
    folder = copied("qwen3_vl")
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    told["text_config"]["max_position_embeddings"] = 128
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")
    assert refused(doctor, folder).startswith(
        "the model's context is too short for any question; got '128 tokens'; expected more than the 512 that are kept"
    )


def test_tensors_that_the_model_has_no_place_for_are_told(copied, doctor):
    folder = copied("qwen3_vl")
    weights = load_file(folder / "model.safetensors")
    more = {f"model.language_model.layers.7.junk{number}.weight": torch.ones(2) for number in range(3)}
    save_file({**weights, **more}, folder / "model.safetensors", {"format": "pt"})
    code, out, err = doctor(folder)
    assert (code, err) == (0, "")
    line = next(line for line in out.splitlines() if line.startswith("surplus "))
    assert "the model has no place for model.language_model.layers.7.junk0.weight and 2 more tensors" in line


def test_a_tokenizer_that_was_cut_off(copied, doctor):
    folder = copied("qwen3_vl")
    (folder / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes()[:500])
    line = refused(doctor, folder)
    assert line.startswith("the model's processor cannot be read: tokenizer.json is no JSON: ")


def test_a_processor_of_another_family(copied, checkpoint, doctor):
    folder, other = copied("qwen3_vl"), checkpoint("idefics3")
    for file in other.iterdir():
        if file.name.startswith(("processor", "preprocessor", "tokenizer", "chat_template")):
            shutil.copy(file, folder / file.name)
    line = refused(doctor, folder)
    assert line.startswith(
        "the model cannot read what its processor makes: it is one of another family; got 'Idefics3Processor'; "
        "expected Qwen3VLProcessor; try: "
    )


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks for it
def test_an_adapter_of_other_shapes(checkpoint, doctor, tmp_path):
    peft = pytest.importorskip("peft")
    from transformers import Qwen3VLForConditionalGeneration

    model = Qwen3VLForConditionalGeneration.from_pretrained(checkpoint("qwen3_vl"))
    lora = peft.LoraConfig(r=4, target_modules=r".*language_model.*(q_proj|v_proj)", init_lora_weights=False)
    peft.get_peft_model(model, lora).save_pretrained(tmp_path / "lora")
    file = tmp_path / "lora" / "adapter_model.safetensors"
    save_file({name: tensor[..., :2].clone() for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    line = refused(doctor, f"{checkpoint('qwen3_vl')}?adapter={tmp_path / 'lora'}")
    assert line.startswith("the adapter cannot be loaded: its tensors are of other shapes than the model's; got ")
