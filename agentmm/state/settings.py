"""Budgets and seed of one question."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentmm.errors import BudgetError


class Settings(BaseModel):
    """What bounds a question; a spent bound ends in an honest partial answer.

    Attributes:
        max_steps: planner steps.
        max_calls: tool calls.
        max_errors: failed calls and malformed steps that may be tried again.
        max_tokens: tokens the planner reads anew or writes; None for no bound.
        timeout: seconds for the whole question; a tool that hangs beyond it is ended and the run fails.
        seed: seed of everything that samples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_steps: int = Field(default=8, ge=1)
    max_calls: int = Field(default=32, ge=0)
    max_errors: int = Field(default=3, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, gt=0)
    seed: int = 0

    @classmethod
    def of(cls, values: dict[str, Any]) -> Settings:
        """Settings from a dict, such as the state's.

        Raises:
            BudgetError: a bound is unknown, malformed or too small.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise BudgetError(f"budget {name!r} is malformed", got=first.get("input"), expected=first["msg"]) from error
