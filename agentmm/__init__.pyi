from agentmm.agent import Agent as Agent
from agentmm.agent import Answer as Answer
from agentmm.trace import Recorder as Recorder
from agentmm.trace import TraceStore as TraceStore

__version__: str
