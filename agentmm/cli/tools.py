"""`agentmm tools`: what the planner can call, and how the tools fit together."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from agentmm.cli.console import out, print_json, print_text

app = typer.Typer(help="List the tools and draw how their modalities compose.", no_args_is_help=True)


@app.command("list", epilog="agentmm tools list --json")
def list_tools(json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List every tool with its signature, version and extra."""
    from agentmm.registry import available, load_tools

    tools = load_tools(available("tools"))
    if json_:
        for tool in tools:
            print_json(
                {
                    "name": tool.name,
                    "signature": tool.signature,
                    "description": tool.description,
                    "version": tool.version,
                    "extra": tool.extra,
                }
            )
        return
    table = Table("tool", "signature", "what it does", "extra", box=None, pad_edge=False)
    for tool in tools:
        table.add_row(tool.name, tool.signature, tool.description.splitlines()[0], tool.extra or "")
    out.print(table)


@app.command("graph", epilog="agentmm tools graph --mermaid > tools.mmd")
def graph(mermaid: Annotated[bool, typer.Option("--mermaid", help="Mermaid instead of text.")] = False) -> None:
    """Draw which tool leads from which modality to which."""
    from agentmm.compose import draw, modality_graph
    from agentmm.registry import available, load_tools

    print_text(draw(modality_graph(load_tools(available("tools"))), mermaid=mermaid))
