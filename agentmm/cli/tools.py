"""`agentmm tools`: what the planner can call, and how the tools fit together."""

from __future__ import annotations

from typing import Annotated

import typer

from agentmm.cli.commands import App
from agentmm.cli.console import print_json, print_table, print_text

app = App(help="List the tools and draw how their modalities compose.")


@app.command("list", epilog="agentmm tools list   ·   agentmm tools list --json")
def list_tools(json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List every tool with its signature, version and extra."""
    from agentmm.registry import available, load_tools

    tools = load_tools(available("tools"))
    if not json_:
        rows = ([tool.name, tool.signature, tool.description.splitlines()[0], tool.extra or ""] for tool in tools)
        print_table(("tool", "signature", "what it does", "extra"), rows)
        return
    for tool in tools:
        facts = {name: getattr(tool, name) for name in ("name", "signature", "description", "version", "extra", "cost")}
        print_json({**facts, "returns": list(tool.returns)})


@app.command("graph", epilog="agentmm tools graph   ·   agentmm tools graph --mermaid > tools.mmd")
def graph(
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Mermaid instead of text.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object an edge.")] = False,
) -> None:
    """Draw which tool leads from which modality to which."""
    from agentmm.compose import draw, modality_graph
    from agentmm.registry import available, load_tools

    drawn = modality_graph(load_tools(available("tools")))
    if not json_:
        print_text(draw(drawn, mermaid=mermaid))
        return
    for source, target, facts in drawn.edges(data=True):
        print_json({"from": source, "to": target, **facts})
