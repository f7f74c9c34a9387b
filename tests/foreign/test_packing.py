"""Linear layers packed in float16 give what they gave, hold each bit of their weights, and become ordinary again."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from agentmm.planner.foreign.exactness import measure
from agentmm.planner.foreign.packing import Packed, pack, packed_in, unpack
from tests.foreign.checkpoints import FAMILIES

# glm4v's processor calls np.array on a tensor, which numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

ADAPTED = 24  # weights of a layer of 4 x 6


def layer(saved: torch.dtype = torch.float16, bias: bool = True) -> nn.Linear:
    """A layer of 4 x 6 with numbers as a checkpoint of this precision has them, some of them very small."""
    made = nn.Linear(6, 4, bias=bias).eval()
    with torch.no_grad():
        made.weight.copy_((made.weight * torch.tensor([1, 1e-3, 1e-5, 3e4])[:, None]).to(saved).float())
    return made


@pytest.mark.parametrize("saved", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 6), (1, 6), (2, 3, 6), (0, 6), (6,)])
def test_a_packed_layer_gives_what_it_gave(saved, bias, shape):
    made, x = layer(saved, bias), torch.randn(shape)
    parts = x.double(), made.weight.detach().double(), made.bias.detach().double() if bias else torch.zeros(4).double()
    assert pack(made, 1) == 1
    with torch.inference_mode():
        off = made(x) - linear(*parts)
    assert off.shape == (*shape[:-1], 4)
    assert (off.abs() <= 1e-6 * linear(*map(torch.abs, parts))).all()


@pytest.mark.parametrize("saved", [torch.float16, torch.bfloat16])
def test_no_bit_of_its_weights_is_lost(saved):
    made = layer(saved)
    before = made.weight.detach().clone()
    assert pack(made, 1) == 1
    assert torch.equal(made.state_dict()["weight"], before)
    assert [name for name, _ in made.named_parameters()] == ["bias"]
    assert unpack(made) == 1
    assert type(made) is nn.Linear
    assert torch.equal(made.weight, before)
    assert isinstance(made.weight, nn.Parameter)


def test_numbers_that_float16_does_not_hold_stay():
    """2 ** -30 beside 1 needs 31 bits of reach: bfloat16 has them, float16 times any power of two has them too, ..."""
    held, further, finer = layer(), layer(), layer()
    with torch.no_grad():
        held.weight[0, :2] = torch.tensor([1, 2.0**-30])
        further.weight[0, :2] = torch.tensor([1, 2.0**-45])  # ... but not 46
        finer.weight[0, 0] = 1 + 2.0**-11  # nor 12 bits of one number
    assert [pack(made, 1) for made in (held, further, finer)] == [1, 0, 0]
    assert held.weight[0, 1] == 2.0**-30
    assert type(finer) is nn.Linear


def test_other_layers_stay():
    class Adapted(nn.Linear):
        """A layer of somebody else's."""

    small, half = nn.Linear(2, 3), layer().half()
    assert pack(nn.ModuleList([Adapted(6, 4), small, half]).eval(), ADAPTED) == 0
    assert pack(nn.ModuleList([layer(), small]), ADAPTED) == 1


def test_weights_that_an_embedding_shares_are_kept_beside():
    words, head = nn.Embedding(4, 6), nn.Linear(6, 4, bias=False)
    with torch.no_grad():
        words.weight.copy_(words.weight.half().float())
    head.weight = words.weight
    model, x = nn.ModuleList([words, head]).eval(), torch.randn(3, 6)
    expected = head(x).detach()
    assert pack(model, 1) == 1
    assert head.weight is words.weight
    with torch.inference_mode():
        torch.testing.assert_close(head(x), expected)
        with torch.inference_mode(False), torch.no_grad():
            words.weight.mul_(2)
        torch.testing.assert_close(head(x), expected * 2)  # it has noticed
    assert unpack(model) == 1
    assert head.weight is words.weight


def test_gradients_pass_through_a_packed_layer():
    made, x = layer(), torch.randn(2, 6, requires_grad=True)
    weight = made.weight.detach().clone()
    assert pack(made, 1) == 1
    made(x).sum().backward()
    torch.testing.assert_close(x.grad, weight.sum(0).expand(2, 6))


@pytest.mark.parametrize(
    "way",
    [
        lambda model: model.train(),
        lambda model: model.to(torch.float64),
        lambda model: model.load_state_dict(model.state_dict()),
        copy.deepcopy,
    ],
    ids=["training", "precision", "state dict", "copy"],
)
def test_it_becomes_an_ordinary_layer_where_it_must(way):
    packed = layer()
    before, model = packed.weight.detach().clone(), nn.Sequential(packed)
    assert pack(model, 1) == 1
    made = way(model)
    (other,) = made.children() if isinstance(made, nn.Sequential) else (packed,)
    assert isinstance(other, nn.Linear)
    assert torch.equal(other.weight.float(), before)
    if way is not copy.deepcopy:
        assert other is packed
        assert type(packed) is nn.Linear
        packed(torch.randn(1, 6, dtype=packed.weight.dtype)).sum().backward()
        assert packed.weight.grad is not None


def test_a_layer_whose_weights_somebody_reads_is_an_ordinary_one_and_may_be_changed():
    model, x = nn.Sequential(layer(), layer().requires_grad_(False)), torch.randn(2, 6)
    assert pack(model, 1) == 2
    first, second = model
    assert isinstance(second, nn.Linear)
    expected = second(x)
    second.weight.mul_(2)
    second.bias.mul_(2)
    torch.testing.assert_close(second(x), 2 * expected)
    assert [type(one) for one in (first, second)] == [Packed, nn.Linear]


def test_an_adapters_base_is_packed_and_merges():
    from peft import LoraConfig, inject_adapter_in_model

    model, x = nn.Sequential(layer(bias=False)), torch.randn(2, 6)
    inject_adapter_in_model(LoraConfig(r=2, target_modules=["0"], init_lora_weights=False), model)
    adapted: Any = model.eval()[0]
    expected = model(x)
    assert pack(model, ADAPTED) == 1
    with torch.inference_mode():
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)
    assert len(list(packed_in(model))) == 1
    adapted.merge()
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)
    assert not list(packed_in(model))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_gives_what_the_library_gives_unpacked(family, planner):
    chat = planner(family)
    model = copy.deepcopy(chat.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.bfloat16())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plain = measure(model, chat.pictures, chat.spelling, None)
    assert (plain.packed, plain.rounding) == (0, None)
    found = measure(model, chat.pictures, chat.spelling, 1)
    assert found.packed == len(list(packed_in(model))) > 8
    assert found.rounding is not None
    assert found.rounding <= 1e-4
    got = (found.exact, found.features, found.together, found.words)
    assert got == (plain.exact, plain.features, plain.together, plain.words)
    after = model.state_dict()
    assert {name: torch.equal(value, after[name]) for name, value in before.items()} == dict.fromkeys(before, True)
