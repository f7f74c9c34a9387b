"""The command line: data on stdout, everything else on stderr; exit 0 ok, 1 run failed, 2 usage, 130 interrupted."""

from agentmm.cli.app import main, run

__all__ = ["main", "run"]
