import pytest
from PIL import Image as PILImage

from agentmm.agent import Agent
from tests.remote.server import Server

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """A key in the environment, and no proxy or habit of the machine that the tests run on."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("TIMEOUT_S", "GAP_S", "RETRIES", "REQUESTS_PER_MINUTE", "AT_ONCE", "STREAM", "MAX_TOKENS", "MEDIA"):
        monkeypatch.delenv(f"AGENTMM_SERVER_{name}", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return KEY


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture
def picture():
    return PILImage.new("RGB", (64, 48), (220, 20, 20))


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def make(home):
    """A planner's name or a planner -> an agent, closed at the end."""
    agents = []

    def build(planner, tools=("calculate",), **options):
        agents.append(Agent(planner, tools, home=home, **options))
        return agents[-1]

    yield build
    for agent in agents:
        agent.close()


def bytes_under(folder):
    """Everything that a run left on disk."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
