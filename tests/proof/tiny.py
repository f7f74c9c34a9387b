"""A tiny random planner that says what it is told with its own log-probs; and tools without networks."""

import numpy as np
import torch
from langchain_core.messages import AIMessage

from agentmm.media import Image, Region
from agentmm.model import MultimodalLM, MultimodalProcessor, SquareImageProcessor, load_preset, train_tokenizer, wrap
from agentmm.planner.chat import ChatMM
from agentmm.planner.render import call_text
from agentmm.planner.writing import Completion, Counters
from agentmm.tool import tool


@tool
def find(image: Image, what: str = "") -> dict:
    """Find things."""
    box = (1.0, 2.0, 9.0, 8.0)
    return {"count": 2, "found": [image.region(box, label="circle", text=f"red circle {n}") for n in (1, 2)]}


@tool
def cut(region: Region) -> dict:
    """Cut a region out."""
    return {"image": region.cut()}


@tool
def flaky(what: str) -> dict:
    """Fail."""
    from agentmm.errors import ToolError

    raise ToolError(f"nothing like {what}")


class Told(ChatMM):
    """Says the next of `says` (text, or calls as pairs), teacher-forced, so that ids and log-probs are real."""

    says: list

    def _generate(self, messages, stop=None, run_manager=None, *, tools=(), media=None, seed=0, **kwargs):
        asked = self._asked(messages, stop, tools, media, seed)
        return self._said(messages, asked, self._spoken(asked.rendered, media or {}), run_manager)

    def _spoken(self, rendered, records):
        count = self.said_of(rendered.ids)
        said = self.says[count]
        wrote = self.renderer.encode(said) if isinstance(said, str) else self.called(said)
        wrote = [*wrote, self.renderer.token_id("<|end|>")]
        ids = torch.tensor([[*rendered.ids, *wrote]])
        store = self._loader(records)
        from agentmm.model.pixels import scale_pixels, square_pixels

        squares = [square_pixels(store(slot.sha), self.model.config.image_size) for slot in rendered.media]
        pixels = torch.from_numpy(scale_pixels(np.stack(squares))) if squares else None
        with torch.inference_mode():
            logits = self.model(input_ids=ids, pixel_values=pixels).logits[0].float()
        logps = logits[:-1].log_softmax(-1).gather(1, ids[0, 1:, None])[len(rendered.ids) - 1 :, 0].tolist()
        forced = [False] * len(wrote)
        return Completion(wrote, logps, logps, forced, True, Counters(1, 0, len(wrote), 1, 0.0))

    def said_of(self, ids):
        return ids.count(self.renderer.token_id("<|assistant|>")) - 1

    def called(self, calls):
        ids = []
        for name, arguments in calls:
            text = self.renderer.encode(call_text(name, arguments))
            ids += [self.renderer.token_id("<tool_call>"), *text, self.renderer.token_id("</tool_call>")]
        return ids


def planner(says):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    texts = ['{"name": "find", "arguments": {"image": "image_1", "what": "red circle"}}', "How many red circles?"] * 9
    tokenizer = wrap(train_tokenizer(texts, 512))
    model = MultimodalLM(load_preset("tiny", vocab_size=len(tokenizer))).eval()
    processor = MultimodalProcessor(SquareImageProcessor(model.config.image_size), tokenizer, model.config.image_tokens)
    return Told(model=model, processor=processor, planner_name="told", weights_id="w", says=says)


def picture(seed=0):
    return Image(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8))


def scripted(*steps):
    """A function planner: the next of `steps`, each a text or (tool, arguments) pairs."""

    def plan(messages, tools, media):
        said = sum(isinstance(message, AIMessage) for message in messages)
        step = steps[said]
        if isinstance(step, str):
            return step
        calls = [
            {"name": name, "args": args, "id": f"c{i}", "type": "tool_call"} for i, (name, args) in enumerate(step)
        ]
        return AIMessage("", tool_calls=calls)

    return plan


STEPS = (
    [("find", {"image": "image_1", "what": "circle"}), ("flaky", {"what": "dog"})],
    [("cut", {"region": "region_2"})],
    [("find", {"image": "image_2"})],
    "2 [region_3]",
)
