"""Job 3, first half: make runs on purpose, look at them, replay them, and write them out as training data.

Gold programs go through the real graph, the real tools and the recorder; nothing here needs a model.
"""

import tempfile
from pathlib import Path

from agentmm.collect import collect_gold
from agentmm.media import MediaStore
from agentmm.proof import replay
from agentmm.trace import TraceStore, export_jsonl, show
from agentmm.world.sample import sample_questions


def main() -> None:
    home = Path(tempfile.mkdtemp())
    questions = sample_questions("train", 6, seed=1, families=["calculation", "comparison", "larger"])
    made = collect_gold(questions, home / "gold.db", tools=["calculate"], home=home, workers=1, quiet=True)

    traces, media = TraceStore(home / "gold.db"), MediaStore(home / "media")
    print(show(traces.get("last")))
    same = sum(replay(trace, media).same for trace in traces)
    right = list(traces.labelled("outcome").values()).count("right")
    lines = export_jsonl(traces, home / "gold.jsonl")
    print(f"{made} traces: {right} right, {same} replay to the same hash, {lines} lines in {home / 'gold.jsonl'}")


if __name__ == "__main__":
    main()
