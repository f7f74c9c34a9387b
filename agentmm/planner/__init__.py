"""Planners: LangChain chat models that say which tool to call next, or the answer. Names become planners here."""

from agentmm.planner.loading import load_planner

__all__ = ["load_planner"]
