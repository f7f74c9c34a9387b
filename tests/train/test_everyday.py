"""Episodes about what is said: the transcript of the recording is the answer."""

from __future__ import annotations

import json

import numpy as np

from agentmm.tool.told import SIGNATURES
from agentmm.train.everyday import everyday_episode
from agentmm.train.offers import NO_TOOL, RENAMED
from agentmm.world.concepts import plainly
from agentmm.world.wordings.skeletons import free_words, skeletons, words_of


def test_the_transcript_is_the_answer_or_the_tool_is_missing() -> None:
    rng, missing = np.random.default_rng(2), 0
    for _ in range(60):
        (messages, signatures), (note,) = everyday_episode(SIGNATURES, rng)
        assert note.kind == "audio"
        if messages[-1]["content"] == NO_TOOL:
            missing += 1
            continue
        _, called, told, answer = messages
        (call,) = called["tool_calls"]
        offered = {signature.partition("(")[0]: signature for signature in signatures}
        assert "(audio:Audio)" in offered[call["name"]]
        assert call["args"] == {"audio": "audio_1"}
        assert json.loads(told["content"])["text"] == answer["content"] == note.truth.text
    assert missing < 12
    assert "transcribe" in RENAMED


def test_no_question_is_a_sentence_of_a_test() -> None:
    kept = {plainly(text) for found in skeletons().values() for text in (*found.unseen, *found.free)}
    rng = np.random.default_rng(3)
    asked = [everyday_episode(SIGNATURES, rng)[0][0][0]["content"][-1]["text"] for _ in range(200)]
    assert not kept & {plainly(text) for text in asked}
    assert not any(words_of(text.lower()) & free_words() for text in asked)
