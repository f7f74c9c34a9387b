"""Job 4, embed: an app with a tool of its own, live progress and a conversation. Run: python examples/embed.py."""

from pathlib import Path

from agentmm import Agent
from agentmm.media import Image
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.tool import tool
from agentmm.world.program import Call


@tool(isolation="thread")
def brightness(image: Image) -> dict:
    """Mean brightness of a picture, 0..255."""
    return {"brightness": round(float(image.pixels.mean()), 1)}


def inspect():
    """What a planner that knows the tool would do; put `nano` or a remote model in its place."""
    seen = yield [Call("brightness", {"image": "image_1"}), Call("describe_media", {"media": "image_1"})]
    (ratio,) = yield [Call("calculate", {"expression": f"{seen[0]['brightness']} / 255"})]
    return f"{ratio['value']:.2f} of full brightness, {seen[1]['width']} px wide"


def main() -> None:
    picture = Path(__file__).parent / "media" / "scene.png"
    with Agent(ScriptedPlanner(inspect), tools=[brightness, "describe_media", "calculate"], max_steps=5) as agent:
        thread = None
        for event in agent.stream("How bright is it?", media=[picture]):
            if event.kind == "called":
                print(f"... {event.tool}")
            elif event.kind == "result":
                print(f"    {event.error or event.observation}")
            elif event.kind == "answer":
                print(event.answer.text)
                thread = event.answer.trace_id
        again = agent.ask("And once more?", thread=thread)
        print(again.text, "- trace", again.trace_id)


if __name__ == "__main__":
    main()
