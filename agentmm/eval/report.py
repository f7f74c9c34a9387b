"""A report of `evaluate_world` as text; every row goes through `row`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WIDTH = 22


def format_report(report: Mapping[str, Any]) -> str:
    """The report as a table: all, by group, by wording, by family, then baselines and malformed calls."""
    head = f"world · {report['planner']} · split {report['split']} · n {report['n']} · seed {report['seed']}"
    if report["without"]:
        head += f" · without {', '.join(report['without'])}"
    lines = [head, row("", "n", "oracle", "planner", "planner / oracle"), _columns("all", report)]
    for part in ("by_group", "by_wording", "by_family"):
        lines += ["", *(_columns(name, columns) for name, columns in report[part].items() if columns["n"])]
    lines += ["", *(_baseline(name, found) for name, found in report["baselines"].items())]
    lines.append(f"malformed calls: {report['malformed_calls']} of {report['calls']}")
    if report["failed"]:
        lines.append(f"failed runs: {report['failed']} of {report['n']}, counted as wrong")
    lines.append(", ".join(f"{name.replace('_', ' ')} {100 * rate:.2f} %" for name, rate in report["rates"].items()))
    lines.append(f"seconds: {report['seconds']}")
    return "\n".join(lines)


def row(name: str, *cells: object) -> str:
    """One row: a name and right-aligned cells."""
    return f"{name:<{_WIDTH}}" + "".join(f"{cell!s:>{6 if i == 0 else 24}}" for i, cell in enumerate(cells))


def _columns(name: str, found: Mapping[str, Any]) -> str:
    return row(
        name, found["n"], _with(found["oracle"], found["oracle_ci95"]), _with(found["accuracy"], found["ci95"]),
        "-" if found["ratio"] is None else _with(found["ratio"], found["ratio_ci95"]),
    )  # fmt: skip


def _baseline(name: str, found: Mapping[str, Any]) -> str:
    easy = f"  too easy: {', '.join(found['too_easy'])}" if found["too_easy"] else ""
    return row(name, found["n"], _with(found["accuracy"], found["ci95"])) + easy


def _with(value: float, interval: tuple[float, float]) -> str:
    """`94.0 % (91.2-96.1)`."""
    return f"{100 * value:.1f} % ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"
