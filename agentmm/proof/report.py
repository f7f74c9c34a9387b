"""What a verification found: one check a line, never `ok` for what was not looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["ok", "failed", "not verifiable"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: `calls`, `ids`, `pixels`, `mask`, `logp` or `blind`.
        status: how it came out.
        step: index of the step it is about, 0 for the first; None for the whole trace. Texts count from 1.
        detail: numbers or reason, one line.
    """

    name: str
    status: Status
    step: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        where = "trace " if self.step is None else f"step {self.step + 1}"
        return f"{where}  {self.name:<7} {self.status}" + (f": {self.detail}" if self.detail else "")


@dataclass
class Report:
    """All checks of a trace."""

    trace: str
    checks: list[Check] = field(default_factory=list)

    def add(self, name: str, status: Status, step: int | None = None, detail: str = "") -> None:
        """Note a check."""
        self.checks.append(Check(name, status, step, detail))

    @property
    def status(self) -> Status:
        """`failed` if anything failed, `not verifiable` if something (or all) was not looked at, else `ok`."""
        found = {check.status for check in self.checks}
        if "failed" in found:
            return "failed"
        return "not verifiable" if "not verifiable" in found or not found else "ok"

    @property
    def ok(self) -> bool:
        """Whether every check was made and passed."""
        return self.status == "ok"

    @property
    def summary(self) -> str:
        """One line: what failed or was not looked at, else what was."""
        odd = [check for check in self.checks if check.status != "ok"]
        if odd:
            return str(odd[0])
        names = dict.fromkeys(check.name for check in self.checks)
        return f"{len(self.checks)} checks: {', '.join(names)}"

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "trace": self.trace,
            "verdict": self.status,
            "summary": self.summary,
            "checks": [*map(vars, self.checks)],
        }

    def __str__(self) -> str:
        return "\n".join([f"trace {self.trace}: {self.status}", *map(str, self.checks)])
