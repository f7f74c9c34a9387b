"""`agentmm graphs`: the reasoning strategies, and how each is wired."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from agentmm.cli.commands import App
from agentmm.cli.console import print_json, print_table, print_text

app = App(help="List the reasoning graphs and draw them.")


@app.command("list", epilog="agentmm graphs list   ·   agentmm graphs list --json")
def list_graphs(json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List every graph with its first line of documentation."""
    from agentmm.registry import available

    found = [(name, _about(name)) for name in available("graphs")]
    if not json_:
        print_table(("graph", "what it does"), found)
        return
    for name, about in found:
        print_json({"name": name, "about": about})


@app.command("draw", epilog="agentmm graphs draw react   ·   agentmm graphs draw react > react.mmd")
def draw(
    name: Annotated[str, typer.Argument(help="A graph's name, or file.py:function.")] = "react",
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Print a graph as Mermaid, which GitHub and editors show as a picture."""
    from agentmm.agent import drawing

    drawn = drawing(name)
    if json_:
        print_json({"graph": name, "mermaid": drawn})
    else:
        print_text(drawn)


def _about(name: str) -> str:
    """The first line of a graph's documentation."""
    from agentmm.registry import load_graph

    module = inspect.getmodule(load_graph(name))
    return (getattr(module, "__doc__", None) or name).strip().splitlines()[0]
