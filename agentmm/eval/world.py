"""The suite `world`: questions of the practice world, asked of gold programs (oracle) and of a planner.

The oracle carries out the gold programs on the real tools, so it is what a perfect planner would reach with them; the
planner's share of it is the planner's own doing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from agentmm.errors import UsageError
from agentmm.eval.baselines import LIMIT, score_baselines
from agentmm.eval.intervals import ratio, wilson
from agentmm.eval.running import WITHOUT, AgentFactory, Outcome, Sample, Tick, run_column, write_outcomes
from agentmm.planner import load_planner
from agentmm.registry import load_tools
from agentmm.tool.cache import ResultCache
from agentmm.tool.checking import nearest
from agentmm.world.asking import unknown_places
from agentmm.world.families import FAMILIES
from agentmm.world.sample import Question
from agentmm.world.sources import SPLITS
from agentmm.world.wordings.alternatives import sentences
from agentmm.world.wordings.skeletons import skeletons

ROWS = ("seen", "unseen", "free")
"""Rows of the committed lists of wordings that may stand in place of a file."""

MOST_BASELINE_PICTURES = 400
"""The baseline of all text reads the pictures of so many questions at most."""


def evaluate_world(
    planner: str | AgentFactory = "nano",
    split: str = "test",
    n: int = 200,
    seed: int = 0,
    *,
    wordings: Mapping[str, Sequence[str]] | Path | str | None = None,
    families: Sequence[str] | None = None,
    typed: bool = False,
    evenly: bool = False,
    without: Sequence[str] = (),
    workers: int = 1,
    baselines: bool = True,
    cache: Path | None = None,
    home: Path | None = None,
    tick: Tick | None = None,
    outcomes: Path | None = None,
) -> dict[str, Any]:
    """Evaluate a planner.

    Args:
        planner: a planner's name, or what makes an agent of (tools, home).
        split: `train`, `val`, `test` or `hard`.
        n: questions.
        seed: of the questions.
        wordings: templates by family to ask in, a YAML file of them, or one of `ROWS`; only these families are asked.
        families: only these families.
        typed: wordings as people type them: openings, lower case, typing errors.
        evenly: as many questions of each family, in place of as many as its weight says.
        without: what the planner is asked without: `sight`, `tools`, `grammar`, `thoughts`.
        workers: processes.
        baselines: whether to score the three baselines too.
        cache: folder of kept tool results; they last as long as the evaluation where None.
        home: folder of media and traces of the planner's column; a temporary one where None.
        tick: called after each question of each column.
        outcomes: file for what each question came to, a JSON line each; `compare` reads two of them.

    Returns:
        The report, JSON types alone; see `format_report`.

    Raises:
        UsageError: an unknown split or family, a wordings file that cannot be used, or an ablation that cannot be.
    """
    _check_without(without, planner)
    sample = _sample(split, n, seed, families, wordings, typed=typed, evenly=evenly)
    if isinstance(planner, str) and planner not in ("nano", "scripted"):
        load_planner(planner)  # a name that cannot be loaded is refused before the oracle runs
    name = planner if isinstance(planner, str) else getattr(planner, "__name__", "agent")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="agentmm-kept-") as folder:
        kept = cache or Path(folder)
        oracle = run_column("scripted", sample, workers=workers, cache=kept, tick=tick)
        same = planner == "scripted" and not without
        given = (
            oracle
            if same
            else run_column(planner, sample, workers=workers, cache=kept, home=home, tick=tick, without=without)
        )
        if outcomes is not None:
            write_outcomes(given, outcomes)
        poor = _baselines(list(sample.questions()), oracle, kept) if baselines else {}
    return {
        "suite": "world", "planner": name, "split": split, "seed": seed, "n": len(given), "evenly": evenly,
        "without": list(without),
        **_columns(oracle, given),
        "by_group": _by(oracle, given, "group"),
        "by_family": _by(oracle, given, "family"),
        "by_wording": _by_wording(oracle, given),
        "malformed_calls": sum(outcome.malformed for outcome in given),
        "calls": sum(outcome.calls for outcome in given),
        "failed": sum(outcome.status == "failed" for outcome in given),
        "rates": _rates(given),
        "baselines": poor,
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def _check_without(without: Sequence[str], planner: Any) -> None:
    """Refuse what is not in `WITHOUT`, and planners that are made elsewhere."""
    unknown = [word for word in without if word not in WITHOUT]
    if unknown or (without and not isinstance(planner, str)):
        raise UsageError(
            "cannot be asked without that", got=", ".join(unknown or without), expected=" | ".join(WITHOUT)
        )


def _sample(
    split: str, n: int, seed: int, families: Sequence[str] | None, wordings: Any, *, typed: bool, evenly: bool
) -> Sample:
    if split not in SPLITS:
        raise UsageError("unknown split", got=split, expected=" | ".join(SPLITS))
    templates = load_wordings(wordings) if isinstance(wordings, Path | str) else wordings
    if families and wordings in ROWS:
        templates = {family: templates[family] for family in families if family in templates}
    _check(templates, families or ())
    names = tuple(families) if families else None
    return Sample(split, n, seed, names, templates, typed, evenly)


def load_wordings(path: Path | str) -> dict[str, list[str]]:
    """Take a committed row of wordings (`ROWS`), or read a YAML file: family -> list of templates.

    A template has the family's places {a} {b} {A} {B}, and may have alternatives: `[Could|Can] you ...`.

    Returns:
        Family -> every sentence of its templates.

    Raises:
        UsageError: it cannot be read, or is something else.
    """
    if path in ROWS:
        asked = {family: found for family, found in skeletons().items() if FAMILIES[family].weight > 0}
        return {family: list(getattr(found, str(path))) for family, found in asked.items()}
    try:
        loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        rows = f"a YAML file, or one of {', '.join(ROWS)}"
        raise UsageError(f"cannot read the wordings: {why}", got=str(path), expected=rows) from error
    if not isinstance(loaded, dict) or not loaded or not all(map(_is_templates, loaded.values())):
        raise UsageError("not a file of wordings", got=str(path), expected="family: [template, ...] for each family")
    try:
        return {
            str(family): [text for template in templates for text in sentences(template)]
            for family, templates in loaded.items()
        }
    except ValueError as error:
        raise UsageError(f"cannot read the wordings: {error}", got=str(path)) from error


def _is_templates(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item.strip() for item in value)


def _check(wordings: Mapping[str, Sequence[str]] | None, families: Sequence[str]) -> None:
    """Refuse families that are not there and templates that lack a place or have one too many."""
    for family in [*(wordings or {}), *families]:
        if family not in FAMILIES:
            like = nearest(family, FAMILIES)
            raise UsageError(
                "unknown family",
                got=family,
                expected=like,
                mend="agentmm eval families, which lists them",
            )
    for family, templates in (wordings or {}).items():
        for template in templates:
            wrong = unknown_places(template, FAMILIES[family].slots)
            if wrong:
                places = " ".join(f"{{{slot}}}" for slot in FAMILIES[family].slots) or "no places"
                raise UsageError(f"a wording of {family} does not fit ({wrong})", got=template, expected=places)


def _columns(oracle: Sequence[Outcome], given: Sequence[Outcome]) -> dict[str, Any]:
    """Accuracy, oracle and their ratio, each with its interval."""
    right, best = [outcome.right for outcome in given], [outcome.right for outcome in oracle]
    share = ratio(right, best)
    return {
        "accuracy": _share(right), "ci95": wilson(sum(right), len(right)),
        "oracle": _share(best), "oracle_ci95": wilson(sum(best), len(best)),
        "ratio": share[0] if share else None, "ratio_ci95": share[1] if share else None,
    }  # fmt: skip


def _rates(given: Sequence[Outcome]) -> dict[str, float]:
    """Refused calls by kind, as a share of all calls, and turns that were cut off, as a share of all turns."""
    calls, turns = sum(outcome.calls for outcome in given), sum(outcome.turns for outcome in given)
    kinds = ("malformed", "unknown_tool", "invalid_handle", "rejected_arguments")
    refused = {kind: sum(outcome.refused.get(kind, 0) for outcome in given) / max(1, calls) for kind in kinds}
    cut_off = sum(outcome.cut_off for outcome in given) / max(1, turns)
    return {name: round(rate, 5) for name, rate in {**refused, "cut_off": cut_off}.items()}


def _share(right: Sequence[bool]) -> float | None:
    return round(sum(right) / len(right), 4) if right else None


def _by(oracle: Sequence[Outcome], given: Sequence[Outcome], what: str) -> dict[str, Any]:
    """The columns of each group or family."""
    keys = sorted({getattr(outcome, what) for outcome in given})
    parts = {key: [i for i, outcome in enumerate(given) if getattr(outcome, what) == key] for key in keys}
    return {
        key: {"n": len(at), **_columns([oracle[i] for i in at], [given[i] for i in at])} for key, at in parts.items()
    }


def _by_wording(oracle: Sequence[Outcome], given: Sequence[Outcome]) -> dict[str, Any]:
    parts = {
        name: [i for i, o in enumerate(given) if o.seen == seen] for name, seen in (("seen", True), ("unseen", False))
    }
    return {
        key: {"n": len(at), **_columns([oracle[i] for i in at], [given[i] for i in at])} for key, at in parts.items()
    }


def _baselines(questions: Sequence[Question], oracle: Sequence[Outcome], cache: Path) -> dict[str, Any]:
    """Share, interval and too easy families of each baseline; all text over the first pictures alone."""
    kept = ResultCache(cache)
    scored = score_baselines(questions, oracle, None, kept)
    few = min(len(questions), MOST_BASELINE_PICTURES)
    scored |= {
        "all_text": score_baselines(questions[:few], oracle[:few], load_tools(["read_text"])[0], kept)["all_text"]
    }
    return {name: _baseline(questions, right) for name, right in scored.items()}


def _baseline(questions: Sequence[Question], right: Sequence[bool]) -> dict[str, Any]:
    families: dict[str, list[bool]] = {}
    for question, hit in zip(questions, right, strict=False):
        families.setdefault(question.family, []).append(hit)
    shares = {family: _share(hits) for family, hits in sorted(families.items())}
    easy = sorted(family for family, hits in families.items() if wilson(sum(hits), len(hits))[0] > LIMIT)
    return {
        "n": len(right), "accuracy": _share(right), "ci95": wilson(sum(right), len(right)),
        "by_family": shares, "too_easy": easy,
    }  # fmt: skip
