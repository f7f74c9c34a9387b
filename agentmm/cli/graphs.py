"""`agentmm graphs`: the reasoning strategies, and how each is wired."""

from __future__ import annotations

from typing import Annotated

import typer

from agentmm.cli.console import print_json, print_text

app = typer.Typer(help="List the reasoning graphs and draw them.", no_args_is_help=True)


@app.command("list", epilog="agentmm graphs list --json")
def list_graphs(json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List every graph with its first line of documentation."""
    from agentmm.registry import available, load_module

    for name in available("graphs"):
        about = (load_module("graphs", name).__doc__ or "").strip().splitlines()[0]
        if json_:
            print_json({"name": name, "about": about})
        else:
            print_text(f"{name:14} {about}")


@app.command("draw", epilog="agentmm graphs draw react > react.mmd")
def draw(name: Annotated[str, typer.Argument(help="A graph's name.")] = "react") -> None:
    """Print a graph as Mermaid, for a README or https-free preview in an editor."""
    from agentmm.agent import drawing

    print_text(drawing(name))
