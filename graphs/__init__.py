"""Reasoning strategies, one a file, each exporting `build(planner, tools, **options) -> StateGraph`."""
