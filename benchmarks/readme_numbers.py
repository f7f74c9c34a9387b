"""Writes the numbers of README from what the commands printed: python benchmarks/readme_numbers.py [--check].

Each file of `benchmarks/results/` is the output of the command that README names beside it; no number is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentmm.world.wordings import WORDINGS

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
_PLACE = re.compile(r"\{\w+\}")
BEGIN, END = "<!-- numbers: python benchmarks/readme_numbers.py -->\n", "<!-- end of numbers -->\n"


def section() -> str:
    """The section between the marks, Markdown."""
    return (
        "\n".join([*_trained(), *_world(), *_ablations(), *_examples(), *_tools(), *_dpo(), *_photos(), *_printed()])
        + "\n"
    )


def _trained() -> Iterator[str]:
    """What nano learnt from, out of its manifest, and what it reaches, in one sentence."""
    manifest = json.loads((ROOT / "agentmm" / "weights" / "nano" / "manifest.json").read_text(encoding="utf-8"))
    stages = list(manifest["recipe"]["stages"].values())
    rows = json.loads((RESULTS / "world.json").read_text(encoding="utf-8"))["by_wording"]
    seen, unseen = (f"**{100 * rows[name]['ratio']:.1f} %**" for name in ("seen", "unseen"))
    on = {device: [stage for stage in stages if stage.get("device", "cpu") == device] for device in ("cpu", "cuda")}
    read = {device: _read_in(part) for device, part in on.items()}
    told = f"{read['cpu']} on two CPU cores" + (f" and {read['cuda']} on one H200 GPU" if on["cuda"] else "")
    yield f"The `nano` that ships has read {told}"
    yield "(`agentmm/weights/nano/manifest.json`). In wordings that it was trained on it reaches"
    yield f"{seen} of what gold programs reach with the same tools, in wordings and words never seen {unseen}."
    yield ""


def _read_in(stages: list[dict[str, Any]]) -> str:
    """How much was read in some stages, and how long it took."""
    tokens, seconds = (sum(stage[what] for stage in stages) for what in ("tokens", "seconds"))
    return f"{tokens / 1e6:.0f} M tokens in {seconds / 60:.0f} minutes"


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
    yield from _families(_read("families.json") or report)


def _families(report: dict[str, Any]) -> Iterator[str]:
    """The table of every family, and how many of them reach the bound."""
    shares = {name: found["ratio"] for name, found in report["by_family"].items() if found["n"]}
    low = sorted(name for name, share in shares.items() if share is None or share < FAMILY_BOUND)
    even = " --evenly" if report.get("evenly") else ""
    command = f"agentmm eval world --split test -n {report['n']} --seed {report['seed']}{even} --json"
    asked = f"{report['n']:,} questions{', as many of each' if even else ''}"
    yield f"**Every family**, {asked} (`{command}`):"
    below = f"; below: {', '.join(low)}" if low else ""
    yield f"{len(shares) - len(low)} of {len(shares)} reach {FAMILY_BOUND:g} of what gold programs reach{below}."
    yield ""
    yield "<details><summary>The table</summary>"
    yield ""
    yield "| family | asks, in its first wording | n | oracle | planner | planner / oracle |"
    yield "|---|---|---|---|---|---|"
    for name, found in report["by_family"].items():
        asks = _PLACE.sub("…", WORDINGS[name].every[0])
        yield _row(f"{name} | {asks}", found)
    yield ""
    yield "</details>"
    yield ""


FAMILY_BOUND = 0.85
"""Share of the gold programs' accuracy that every family should reach."""

_ASKED = {
    "as_it_is": "as it is",
    "typed": "as people type: openings, typing errors, lower case (names too), `--typed`",
    "free": "words that no training has, `--wordings free`",
    "without_thoughts": "no thoughts, `--without thoughts`",
    "without_grammar": "calls not bound to their grammar, `--without grammar`",
    "without_sight": "planner blind: grey pictures, tools still see, `--without sight`",
    "without_tools": "no tools, `--without tools`",
    "without_both": "blind and without tools",
}
"""File of results -> how README calls it."""

REFUSED = ("malformed", "unknown_tool", "invalid_handle", "rejected_arguments", "cut_off")
"""Rates of calls that were refused, and of turns that were cut off."""

SIGHT = ("arrangement", "at_the_border", "busy", "same_halves", "upside_down", "sort", "which_sort")
"""Families that no tool can answer."""


def _ablations() -> Iterator[str]:
    """The planner with less, on the first of the same questions."""
    found = {name: _read(f"world_{name}.json") for name in _ASKED}
    found = {name: report for name, report in found.items() if report is not None}
    if not found:
        return
    first = next(iter(found.values()))
    n = first["n"]
    yield f"**With less**, the first {n} of these questions (`agentmm eval world --split test -n {n} --seed"
    known = first["by_wording"].get("seen", {"n": 0})["n"]
    yield f"{first['seed']} ... --json`), {known} of them in seen wordings; sight families are those that"
    yield "no tool can answer:"
    yield ""
    yield f"| | planner / oracle | sight families right | calls | {' | '.join(REFUSED).replace('_', ' ')} |"
    yield f"|---|---|---|---|{'---|' * len(REFUSED)}"
    for name, report in found.items():
        yield _less(_ASKED[name], report)
    yield ""
    yield from _sight()


def _sight() -> Iterator[str]:
    """The sight families alone, with eyes and without, beside the best constant answers."""
    sees, blind = _read("sight.json"), _read("sight_blind.json")
    if sees is None or blind is None:
        return
    command = f"agentmm eval world --split test -n {sees['n']} --seed {sees['seed']} --families"
    command += f" {','.join(SIGHT)} --json"
    yield f"**The seven sight families alone**, {sees['n']} questions (`{command}`):"
    yield f"{_share(sees['accuracy'], sees['ci95'])} right, blind (`--without sight`)"
    yield f"{_share(blind['accuracy'], blind['ci95'])}; each family's most frequent training answer:"
    yield f"{100 * _constant(sees):.1f}."
    yield ""
    yield "| | n | sees | blind | most frequent answer |"
    yield "|---|---|---|---|---|"
    for family in SIGHT:
        both = (report["by_family"][family] for report in (sees, blind))
        shares = " | ".join(_share(found["accuracy"], found["ci95"]) for found in both)
        yield f"| {family} | {sees['by_family'][family]['n']} | {shares} | {100 * _constant(sees, family):.1f} |"
    yield ""


def _less(name: str, report: dict[str, Any]) -> str:
    ratio = "-" if report["ratio"] is None else _share(report["ratio"], report["ratio_ci95"])
    parts = [report["by_family"][family] for family in SIGHT if family in report["by_family"]]
    n = sum(part["n"] for part in parts)
    sight = f"{100 * sum(part['accuracy'] * part['n'] for part in parts) / n:.1f} (n {n})" if n else "-"
    rates = (f"{100 * report['rates'][kind]:.2f} %" for kind in REFUSED)
    return f"| {name} | {ratio} | {sight} | {report['calls']} | {' | '.join(rates)} |"


def _constant(report: dict[str, Any], only: str = "") -> float:
    """How often the most frequent answer of its family answers a sight question rightly, of one family or of all."""
    shares = report["baselines"].get("most_frequent_answer", {}).get("by_family", {})
    counts = {name: report["by_family"][name]["n"] for name in SIGHT if name in shares and only in ("", name)}
    return sum(shares[family] * n for family, n in counts.items()) / sum(counts.values()) if counts else 0.0


def _examples() -> Iterator[str]:
    """After 0, 1 and 2 demonstrations, thinking where it likes to, always and never."""
    found = [_read(f"examples{name}.json") for name in ("", "_thinking", "_without_thoughts")]
    first = found[0]
    if first is None:
        return
    yield f"**Demonstrations**, three families that no training has seen, {first['n']} questions after 0, 1 and 2"
    command = f"agentmm eval examples -n {first['n'] // 3} --seed {first['seed']} --think auto --json"
    yield f"of them (`{command}`; percent right):"
    yield ""
    names = list(first["shown"]["0"]["by_family"])
    yield f"| `--think` | shown | all | {' | '.join(names)} |"
    yield "|---|---|---|" + "---|" * len(names)
    for report in filter(None, found):
        for count, column in report["shown"].items():
            cells = (f"{100 * column['by_family'][name]:.0f}" for name in names)
            share = _share(column["accuracy"], column["ci95"])
            yield f"| {report.get('think', 'auto')} | {count} | {share} | {' | '.join(cells)} |"
    yield ""


def _read(name: str) -> dict[str, Any] | None:
    path = RESULTS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


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
    yield "**Eight tools that no training has seen**, by signature and a line that says what they do"
    yield "(`agentmm eval tools --json`):"
    for name, what in (
        ("right_call", "called rightly when offered"),
        ("says_so", "missed, and said so, when not offered"),
    ):
        part = found[name]
        yield f"{what} {_share(part['share'], part['ci95'])}, n {part['n']};"
    yield f"planner {found['planner']}."
    yield ""


def _dpo() -> Iterator[str]:
    found = _read("improve.json")
    if found is None:
        return
    collected, paired, options = found["collected"], found["paired"], found["command"]
    first = next(iter(found["trained"].values()))
    of = f", of {found['of']}" if "of" in found else ""
    yield f"**The flywheel, once round**{of} (`{options}`): {collected['traces']:,} runs of {collected['questions']:,}"
    yield f"training questions, {paired['pairs']} pairs of {paired['questions']} of them; then"
    yield f"{first['hard']['n']} questions of the split `hard` and {first['test']['n']} of `test` before and after"
    yield "(points, paired bootstrap):"
    yield ""
    heads = ("hard: before -> after", "difference", "test: before -> after", "difference", "calls", "tokens")
    yield f"| | {' | '.join(heads)} | margin grew | KL |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, trained in found["trained"].items():
        cells = [cell for split in ("hard", "test") for cell in _moved(trained[split])]
        after = trained["hard"]["after"]
        cells += [f"{after['calls']:.2f}", f"{after['tokens']:.0f}"]
        cells += [f"{100 * trained['margin_grew']:.0f} %", f"{trained['kl']:.4f}"]
        yield f"| {_called(name, trained)} | {' | '.join(cells)} |"
    before = first["hard"]["before"]
    yield ""
    yield f"Calls and tokens are those of an episode of `hard` afterwards ({before['calls']:.2f} and"
    yield f"{before['tokens']:.0f} before), KL is nats a token from the reference. Promoted:"
    yield f"{'`' + found['promoted'] + '`' if found['promoted'] else 'nothing, the gain is not sure'}."
    yield ""


def _called(name: str, trained: dict[str, Any]) -> str:
    """How README calls a training."""
    return "control: sides swapped" if name == "control" else f"seed {trained['recipe']['seed']}"


def _moved(found: dict[str, Any]) -> tuple[str, str]:
    low, high = (100 * bound for bound in found["ci95"])
    before, after = (100 * found[when]["accuracy"] for when in ("before", "after"))
    return f"{before:.1f} -> {after:.1f}", f"{100 * found['difference']:+.1f} ({low:+.1f} to {high:+.1f})"


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
