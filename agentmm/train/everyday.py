"""Episodes about what people ask first and no family of the practice world asks: what is said in a recording.

The whole transcript is the answer. No test asks it, so nothing here is kept from training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from agentmm.train.offers import Offered, offer
from agentmm.world.sources import Medium, media_seed, medium
from agentmm.world.wordings.alternatives import sentences
from agentmm.world.wordings.manner import with_manner

_NOTES = "note"
_ASKED = (
    "What [is|was] [being |]said [in|on] the [recording|clip|note|audio|file|message]?",
    "What does the [recording|clip|note|message|speaker|voice|person|caller] say?",
    "[Transcribe|Write down|Type out|Write out] [the recording|this|this clip|the audio|it|the message][.|, please.]",
    "What [is|was] said?",
    "What [do|can] you hear[| in it| here| in this clip]?",
    "[Give me|I need|Show me|I would like] [the|a] transcript[.| of it.| of the recording.| of this.]",
    "[Tell me|I want to know|Can you tell me] what [is said|they say|the clip says|the note says|was said][.|?]",
    "What [are they|is he|is she] saying[| here| there]?",
    "[The whole|All of the|The full] [text|wording|transcript] of the [recording|note|message][, please.|.]",
    "Repeat [what is said|the message|the note] [word for word|in full|as text].",
    "[Put|Turn] the [speech|recording|message] into [text|words|writing][.|, please.]",
)
_TEXTS = tuple(text for pattern in _ASKED for text in sentences(pattern))

Rng = np.random.Generator


def everyday_episode(signatures: Sequence[str], rng: Rng) -> tuple[Offered, tuple[Medium, ...]]:
    """A question of a recording's words, the tools around it, and the recording.

    Args:
        signatures: of the default tools.
        rng: the only source of chance.
    """
    note = medium(_NOTES, media_seed("train", rng))
    said = str(note.truth.text)
    text = with_manner(_TEXTS[int(rng.integers(len(_TEXTS)))], rng)
    call = {"name": "transcribe", "args": {"audio": "audio_1"}}
    messages = [
        {"role": "user", "content": [{"type": "audio", "file_id": "audio_1"}, {"type": "text", "text": text}]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": json.dumps({"text": said})},
        {"role": "assistant", "content": said},
    ]
    told: Offered = offer(messages, signatures, rng) if rng.random() < 0.5 else (messages, list(signatures))
    return told, (note,)
