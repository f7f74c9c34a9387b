import pytest
from PIL import Image as PILImage

from agentmm.agent import Agent
from agentmm.planner.scripted import ScriptedPlanner


@pytest.fixture
def picture():
    return PILImage.new("RGB", (64, 48), (220, 20, 20))


@pytest.fixture
def make(tmp_path):
    """An agent with a program, closed at the end."""
    agents = []

    def build(program, tools, **options):
        planner = ScriptedPlanner(program) if callable(program) else program
        agents.append(Agent(planner, tools, home=options.pop("home", tmp_path), **options))
        return agents[-1]

    yield build
    for agent in agents:
        agent.close()
