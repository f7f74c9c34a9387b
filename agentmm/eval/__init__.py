"""Measures planners: suites of questions, the scorer of DESIGN section 8, baselines without shame, and the report."""

from agentmm.eval.report import format_report
from agentmm.eval.world import evaluate_world

__all__ = ["evaluate_world", "format_report"]
