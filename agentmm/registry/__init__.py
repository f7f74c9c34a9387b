"""From names to tools and graphs: the name of a module is the key."""

from agentmm.registry.discovery import available, load_attribute, load_graph, load_tool, load_tools

__all__ = ["available", "load_attribute", "load_graph", "load_tool", "load_tools"]
