"""agentmm: a trainable multimodal planner, expert tools and traces inside LangGraph."""

__version__ = "0.1.0"
