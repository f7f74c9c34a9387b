"""Planners that run elsewhere: servers that speak OpenAI's protocol, and any chat model of LangChain."""

from agentmm.planner.remote.loading import load_remote
from agentmm.planner.remote.planner import RemotePlanner
from agentmm.planner.remote.pool import Pool
from agentmm.planner.remote.showing import MAX_SIDE_PX

__all__ = ["MAX_SIDE_PX", "Pool", "RemotePlanner", "load_remote"]
