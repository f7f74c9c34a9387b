"""The grammar lets through what training writes, token by token, and nothing that no tool takes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("llguidance")

from agentmm.errors import PlannerError
from agentmm.planner.constrain import Constraint, Constraints, grammar, masks_of, matcher_tokenizer
from agentmm.planner.render import call_text

NANO = Path(__file__).parents[2] / "agentmm" / "weights" / "nano"
pytestmark = pytest.mark.skipif(not (NANO / "tokenizer.json").is_file(), reason="no weights in this checkout")


def param(name, modality, accepts=(), required=True):
    return {
        "name": name, "modality": modality, "accepts": list(accepts), "choices": [], "required": required,
        "whole": False,
    }  # fmt: skip


SPECS = [
    {"name": "detect", "params": [param("image", "Image", ["Image"]), param("what", "Text", required=False)]},
    {"name": "read_text", "params": [param("image", "Image", ["Image"])]},
    {"name": "transcribe", "params": [param("audio", "Audio", ["Audio"])]},
    {"name": "crop", "params": [param("region", "Region", ["Region"])]},
    {"name": "calculate", "params": [param("expression", "Text")]},
]
SAID = [
    ([("detect", {"image": "image_1", "what": "red heart"}), ("detect", {"image": "image_2", "what": "red heart"})], 2),
    ([("read_text", {"image": "image_3"})], 3),
    ([("detect", {"image": "image_1"})], 1),
    ([("crop", {"region": "region_12"})], 12),
    ([("transcribe", {"audio": "audio_1"})], 1),
    ([("calculate", {"expression": "12.50 + 3 * 4"})], 1),
]


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(NANO)


@pytest.fixture(scope="module")
def matcher(tokenizer):
    return matcher_tokenizer(tokenizer)


@pytest.mark.parametrize(("calls", "handles"), SAID)
@pytest.mark.parametrize("more", [0, 2])
def test_what_training_writes_is_legal_token_by_token(tokenizer, matcher, calls, handles, more):
    """Training renders a call by the tokenizer alone; serving must be able to write the very same ids."""
    kinds = ("image", "audio", "region")
    there = [f"{kind}_{k}" for kind in kinds for k in range(1, handles + more + 1)]
    constraint = Constraint(matcher, grammar(SPECS, there), len(tokenizer), tokenizer.convert_ids_to_tokens)
    ids = [
        token
        for name, arguments in calls
        for token in tokenizer.encode(f"<tool_call>{call_text(name, arguments)}</tool_call>", add_special_tokens=False)
    ]
    for at, token in enumerate(ids):
        assert constraint.legal()[token], tokenizer.decode(ids[:at]) + " | " + tokenizer.decode([token])
        constraint.take(token)
    assert constraint.legal()[tokenizer.convert_tokens_to_ids("<|end|>")]


def test_a_handle_that_is_not_there_cannot_be_written(tokenizer, matcher):
    constraint = Constraint(matcher, grammar(SPECS, ["image_1", "image_2"]), len(tokenizer))
    for token in tokenizer.encode(
        '<tool_call>{"name": "detect", "arguments": {"image": "image_', add_special_tokens=False
    ):
        constraint.take(token)
    digits = {digit for digit in "0123456789" if constraint.legal()[tokenizer.convert_tokens_to_ids(digit)]}
    assert digits == {"1", "2"}


def test_text_that_is_forced_is_told_from_choices(tokenizer, matcher):
    constraint = Constraint(matcher, grammar(SPECS, ["image_1"]), len(tokenizer), tokenizer.convert_ids_to_tokens)
    forced = []
    for token in tokenizer.encode('<tool_call>{"name": "detect", "arguments": {"image": "', add_special_tokens=False):
        forced.append(constraint.forced(constraint.legal()))
        constraint.take(token)
    assert not forced[0]  # a call or an answer
    assert forced[1]  # {"name": "
    assert not forced[2]  # which tool
    assert all(forced[-2:])
    assert constraint.forced(constraint.legal())  # image_1 is the only picture


def test_forced_text_is_told_ahead_and_looking_ahead_changes_nothing(tokenizer, matcher):
    """After the tool's name only the end of the call is left, since there is one picture."""
    constraint = Constraint(matcher, grammar(SPECS, ["image_1"]), len(tokenizer), tokenizer.convert_ids_to_tokens)
    begun, rest = '<tool_call>{"name": "read', '_text", "arguments": {"image": "image_1"}}</tool_call>'
    for token in tokenizer.encode(begun, add_special_tokens=False):
        constraint.take(token)
    before, twin = constraint.legal(), constraint.copy()
    ahead = constraint.ahead()
    assert (before == constraint.legal()).all()
    assert rest.startswith(tokenizer.decode(ahead))
    end = tokenizer.encode(rest, add_special_tokens=False)
    broken = [*end[:3], tokenizer.convert_tokens_to_ids("<think>"), *end[3:]]
    assert (constraint.fitting(end), constraint.fitting(broken)) == (len(end), 3)
    for token in end:
        constraint.take(token)
    assert (before == twin.legal()).all()  # what was taken here, the copy has not seen


@pytest.mark.parametrize(("think", "thought", "none"), [(None, True, True), (True, True, False), (False, False, True)])
def test_a_thought_may_must_or_must_not_come_first(tokenizer, matcher, think, thought, none):
    lark = grammar(SPECS, ["image_1", "region_1"], think=think)
    ids = {
        text: tokenizer.encode(text + '<tool_call>{"name": "calculate"', add_special_tokens=False)
        for text in ("<think>[region_1] 4.50 [region_2] 12.00</think>", "")
    }
    for (_, tokens), legal in zip(ids.items(), (thought, none), strict=True):
        constraint = Constraint(matcher, lark, len(tokenizer))
        assert bool(constraint.legal()[tokens[0]]) == legal
        for token in tokens if legal else ():
            assert constraint.legal()[token]
            constraint.take(token)


def test_constraints_of_one_grammar_go_on_by_themselves(matcher, tokenizer):
    """What one takes is nothing to the next: both begin at the beginning, as one that was compiled for itself does."""
    lark = grammar(SPECS, ["image_1"])
    constraints, alone = Constraints(matcher, len(tokenizer)), Constraint(matcher, lark, len(tokenizer))
    first = constraints.of(lark)
    for token in tokenizer.encode("<tool_call>", add_special_tokens=False):
        first.take(token)
    second = constraints.of(lark)
    assert (second.legal() == alone.legal()).all()
    assert (first.legal() != second.legal()).any()


def test_masks_of_many_along_guesses_are_those_of_one_after_another(matcher, tokenizer):
    """One with guesses, one without, a user's own between them, in a vocabulary with rows to spare; none moves on."""
    rows, (lark, other) = len(tokenizer) + 37, (grammar(SPECS, handles) for handles in (["image_1"], []))
    there = [Constraint(matcher, lark, rows), Constraint(matcher, other, rows)]
    guesses = [tokenizer.encode('<tool_call>{"name": "', add_special_tokens=False), []]
    masks = masks_of([there[0], object(), there[1]], [guesses[0], [], guesses[1]])
    assert masks[1] is None
    for constraint, told, made in zip(there, guesses, masks[::2], strict=True):
        assert made.shape == (1 + len(told), rows)
        stepped = constraint.copy()
        for token, mask in zip([*told, None], made, strict=True):
            assert (mask == stepped.legal()).all()
            if token is not None:
                stepped.take(token)
        assert (constraint.legal() == made[0]).all()
    assert masks_of([object()], [[]]) == [None]


def test_masks_of_one_that_failed_and_of_one_that_is_over_are_what_they_say_alone(matcher, tokenizer):
    """Both say that the end is all there is."""
    lark, end = grammar(SPECS, []), tokenizer.convert_tokens_to_ids("<|end|>")
    failed, over = Constraint(matcher, lark, len(tokenizer)), Constraint(matcher, lark, len(tokenizer))
    with pytest.raises(PlannerError):
        failed.take(tokenizer.convert_tokens_to_ids("<|pad|>"))
    for token in [*tokenizer.encode("hello", add_special_tokens=False), end]:
        over.take(token)
    masks = masks_of([failed, over], [[], []])
    assert [mask[0].nonzero()[0].tolist() for mask in masks] == [[end], [end]]
    assert [one.legal().nonzero()[0].tolist() for one in (failed, over)] == [[end], [end]]


def accepts(tokenizer, matcher, lark, text):
    """Whether a whole completion is legal."""
    constraint = Constraint(matcher, lark, len(tokenizer))
    for token in tokenizer.encode(text, add_special_tokens=False):
        if not constraint.legal()[token]:
            return False
        constraint.take(token)
    return bool(constraint.legal()[tokenizer.convert_tokens_to_ids("<|end|>")])


def test_any_of_many_optional_parameters_may_be_given_in_order(tokenizer, matcher):
    """A server's schema may have dozens: the grammar must not double with each."""
    names = [f"p{number}" for number in range(24)]
    spec = {"name": "tune", "params": [param(name, "Text", required=name == "p2") for name in names]}
    lark = grammar([spec], [])
    assert len(lark) < 40_000
    for given, legal in (
        (["p2"], True), (["p0", "p2"], True), (["p1", "p2", "p9", "p23"], True), (["p2", "p3"], True),
        (["p0", "p1"], False), (["p2", "p1"], False), ([], False), (["p2", "p2"], False),
    ):  # fmt: skip
        said = call_text("tune", dict.fromkeys(given, "x"))
        if len(set(given)) < len(given):
            said = said.replace('"p2": "x"', '"p2": "x", "p2": "x"')
        assert accepts(tokenizer, matcher, lark, f"<tool_call>{said}</tool_call>") is legal, given
