"""Writes the numbers of README from what the commands printed: python benchmarks/readme_numbers.py [--check].

Each file of `benchmarks/results/` is the output of the command that README names beside it; no number is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
BEGIN, END = "<!-- numbers: python benchmarks/readme_numbers.py -->\n", "<!-- end of numbers -->\n"


def section() -> str:
    """The section between the marks, Markdown."""
    return "\n".join([*_trained(), *_world(), *_photos(), *_tools(), *_dpo(), *_printed()]) + "\n"


def _trained() -> Iterator[str]:
    """What nano learnt from, out of its manifest, and what it reaches, in one sentence."""
    manifest = json.loads((ROOT / "agentmm" / "weights" / "nano" / "manifest.json").read_text(encoding="utf-8"))
    stages = manifest["recipe"]["stages"].values()
    tokens, seconds = (sum(stage[what] for stage in stages) for what in ("tokens", "seconds"))
    rows = json.loads((RESULTS / "world.json").read_text(encoding="utf-8"))["by_wording"]
    seen, unseen = (f"**{100 * rows[name]['ratio']:.1f} %**" for name in ("seen", "unseen"))
    yield f"The `nano` that ships has read {tokens / 1e6:.0f} M tokens in {seconds / 60:.0f} minutes of training on two"
    yield "cores (`agentmm/weights/nano/manifest.json`). In wordings that it was trained on it reaches"
    yield f"{seen} of what gold programs reach with the same tools, in wordings and words never seen {unseen}."
    yield ""


def _world() -> Iterator[str]:
    report = json.loads((RESULTS / "world.json").read_text(encoding="utf-8"))
    command = f"agentmm eval world --split test -n {report['n']} --seed {report['seed']} --json"
    yield f"**The practice world, {report['n']:,} test questions**, half of them in wordings never trained on"
    yield f"(`{command}`; percent, 95 % intervals):"
    yield ""
    yield "| | n | oracle: gold programs, real tools | planner nano | planner / oracle |"
    yield "|---|---|---|---|---|"
    yield _row("all", report)
    for part in ("by_wording", "by_group"):
        for name, found in report[part].items():
            yield _row(f"{name} wordings" if part == "by_wording" else name, found)
    yield ""
    rates = ", ".join(f"{name.replace('_', ' ')} {100 * rate:.2f} %" for name, rate in report["rates"].items())
    yield f"Calls refused before anything ran: {report['malformed_calls']} of {report['calls']} ({rates} of turns)."
    yield "Baselines without shame:"
    yield ""
    yield "| baseline | n | right |"
    yield "|---|---|---|"
    for name, found in report["baselines"].items():
        yield f"| {name.replace('_', ' ')} | {found['n']} | {_share(found['accuracy'], found['ci95'])} |"
    yield ""
    yield "<details><summary>Every family</summary>"
    yield ""
    yield "| family | n | oracle | planner | planner / oracle |"
    yield "|---|---|---|---|---|"
    for name, found in report["by_family"].items():
        yield _row(name, found)
    yield ""
    yield "</details>"
    yield ""


def _row(name: str, found: dict[str, Any]) -> str:
    ratio = "-" if found["ratio"] is None else _share(found["ratio"], found["ratio_ci95"])
    cells = (_share(found["oracle"], found["oracle_ci95"]), _share(found["accuracy"], found["ci95"]), ratio)
    return f"| {name} | {found['n']} | {' | '.join(cells)} |"


def _share(value: float, interval: list[float]) -> str:
    return f"{100 * value:.1f} ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"


def _photos() -> Iterator[str]:
    rows = [json.loads(line) for line in (RESULTS / "photos.jsonl").read_text(encoding="utf-8").splitlines()]
    right = sum(row["right"] for row in rows)
    gold = [json.loads(line) for line in (RESULTS / "photos_gold.jsonl").read_text(encoding="utf-8").splitlines()]
    yield "**Photographs and scans that ship inside the dependencies** (`agentmm eval photos --json`):"
    yield f"nano {right} of {len(rows)} right, listed below; the gold programs on the same tools (`--planner scripted`)"
    yield f"{sum(row['right'] for row in gold)} of {len(gold)}."
    yield ""
    yield "```text"
    for row in rows:
        mark = "right" if row["right"] else "wrong"
        yield f"{mark}  {row['picture']:13} {row['question']:47} -> {row['answer'][:48]}"
    yield "```"
    yield ""


def _tools() -> Iterator[str]:
    found = json.loads((RESULTS / "tools.json").read_text(encoding="utf-8"))
    yield "**Eight tools that no training has seen**, by signature alone (`agentmm eval tools --json`):"
    for name, what in (
        ("right_call", "called rightly when offered"),
        ("says_so", "missed, and said so, when not offered"),
    ):
        part = found[name]
        yield f"{what} {_share(part['share'], part['ci95'])}, n {part['n']};"
    yield f"planner {found['planner']}."
    yield ""


def _dpo() -> Iterator[str]:
    for path in sorted(RESULTS.glob("dpo_*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        yield f"**DPO, before and after**, {found['n']:,} questions ({found['what']}):"
        yield ""
        yield "| | right | calls an episode |"
        yield "|---|---|---|"
        for name in ("before", "after"):
            column = found[name]
            yield f"| {name} | {_share(column['accuracy'], column['ci95'])} | {column['calls']:.2f} |"
        low, high = (100 * bound for bound in found["ci95"])
        gained, lost = found["gained"], found["lost"]
        points = f"{100 * found['difference']:+.1f} ({low:+.1f} to {high:+.1f})"
        yield f"| difference, points | {points} | gained {gained}, lost {lost} |"
        yield ""


def _printed() -> Iterator[str]:
    """Outputs that stand in README as they were printed; their first line is the command."""
    for path in sorted(RESULTS.glob("*.txt")):
        command, *lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
        yield f"`{command}`:"
        yield ""
        yield "```text"
        yield from lines
        yield "```"
        yield ""


def main() -> int:
    """Write the section, or say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 where README differs")
    check = parser.parse_args().check
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    new = f"{before}{BEGIN}\n{section()}{END}{after}"
    if check:
        return int(new != text)
    readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
