import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from agentmm.errors import TraceError
from agentmm.trace import TraceStore, canonical_json, chain_of, fold, trace_hash
from agentmm.trace.store import without_password

START = {"question": "How many?", "graph": "react", "tools": [{"name": "detect", "version": "1"}], "seed": 3}
PLAN = {"text": "", "calls": [{"id": "c1", "tool": "detect", "arguments": {"image": "image_1"}}], "prompt_ids": [1]}
RESULT = {"call": "c1", "tool": "detect", "arguments": {"image": "image_1"}, "observation": "{}", "seconds": 0.1}


def write(store, trace_id, answer="2"):
    store.append(trace_id, "start", START)
    store.append(trace_id, "plan", PLAN)
    store.append(trace_id, "results", {"results": [RESULT]})
    store.append(trace_id, "end", {"answer": answer, "status": "answered"})


@pytest.fixture
def store(tmp_path):
    store = TraceStore(tmp_path / "deep" / "traces.db")
    yield store
    store.close()


def test_a_trace_is_found_by_its_beginning_and_as_the_last(store):
    write(store, "abcd1234")
    write(store, "abce5678", answer="5")
    assert store.get("abcd").answer == "2"
    assert store.get("last").answer == "5"
    assert [row["answer"] for row in store.summaries()] == ["5", "2"]
    assert [trace.id for trace in store] == ["abcd1234", "abce5678"]
    assert len(store) == 2
    assert store.summaries(status="failed") == []


@pytest.mark.parametrize(
    ("asked", "why"), [("abc", "several"), ("zzzz", "no such"), ("ab%", "no such"), ("", "several")]
)
def test_unknown_and_ambiguous_ids_are_one_line(store, asked, why):
    write(store, "abcd1234")
    write(store, "abce5678")
    with pytest.raises(TraceError, match=why) as caught:
        store.get(asked)
    assert "\n" not in str(caught.value)


def test_a_question_that_begins_after_a_refusal_has_not_failed(store):
    store.append("abcd1234", "start", START)
    store.append("abcd1234", "refused", {"error": "no picture"})
    assert (store.get("abcd1234").status, store.summaries()[0]["status"]) == ("failed", "failed")
    store.append("abcd1234", "start", START)
    known = store.get("abcd1234")
    assert (known.status, known.error, store.summaries()[0]["status"]) == (None, None, None)


def test_a_trace_that_another_process_begins_is_seen_and_gone_on_with(store):
    other = TraceStore(store.path)
    assert not store.has("a")
    other.append("a", "start", {"question": "How many?"})
    assert store.has("a")
    store.append("a", "plan", {"text": "two", "calls": []})
    assert [event["seq"] for event in other.events("a")] == [0, 1]
    other.close()


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("runs/t.db", "runs/t.db"),
        ("sqlite:////runs/t.db", "/runs/t.db"),
        ("postgresql://me:geheim@host:5432/db?host=/run", "postgresql://me:***@host:5432/db?host=%2Frun"),
        ("postgresql://host/db?password=geheim", "postgresql://host/db?password=..."),
        ("postgresql://me:geheim@host:x/db", "postgresql://..."),
    ],
)
def test_a_store_is_told_of_without_its_password(where, told):
    assert without_password(where) == told


def test_the_url_of_a_store_that_cannot_be_read_is_one_line_without_its_password():
    line = "the URL of the trace store is malformed; got 'postgresql://...'; expected postgresql://user@host:5432/name"
    with pytest.raises(TraceError) as raised:
        TraceStore("postgresql://me:geheim@host:x/db")
    assert str(raised.value) == line


def test_labels_are_appended_and_the_last_counts(store):
    write(store, "abcd1234")
    before = store.get("abcd1234").hash
    store.label("abcd1234", "outcome", "wrong")
    store.label("abcd1234", "outcome", "right")
    assert store.get("abcd1234").labels == {"outcome": "right"}
    assert store.labelled("outcome") == {"abcd1234": "right"}
    assert store.get("abcd1234").hash == before


def test_the_hash_knows_no_time_place_or_call_id():
    first = fold("one", [("start", START), ("plan", PLAN), ("results", {"results": [RESULT]})], created=1.0)
    renamed = PLAN | {"calls": [PLAN["calls"][0] | {"id": "zz"}]}
    settings = START | {"settings": {"trace_path": "/somewhere", "device": "cuda"}}
    later = [
        ("start", settings),
        ("plan", renamed),
        ("results", {"results": [RESULT | {"call": "zz", "seconds": 9.0}]}),
    ]
    assert fold("two", later, created=2.0).hash == first.hash
    for change in ({"observation": "{ }"}, {"arguments": {"image": "image_2"}}):
        other = fold("one", [("start", START), ("plan", PLAN), ("results", {"results": [RESULT | change]})])
        assert other.hash != first.hash
    assert trace_hash(first.model_copy(update={"seed": 4})) != first.hash


def test_canonical_json_is_sorted_and_tight():
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'


def test_hash_and_chain_are_those_of_the_whole_and_of_its_parts():
    """Written out: sorted keys, no spaces, `examples` where there are some; the parts are header, steps, answer."""
    media = {"image_1": {"kind": "image", "sha": "ab"}, "region_1": {"kind": "region"}}
    shown = [{"role": "user", "content": "é"}]
    start = START | {"media": media, "examples": shown, "settings": {"max_steps": 4}}
    events = [("start", start), ("plan", PLAN), ("results", {"results": [RESULT]}), ("end", {"answer": "2"})]
    header = {
        "examples": shown, "graph": "react", "media": {"image_1": "ab"}, "question": "How many?", "seed": 3,
        "settings": {"max_steps": 4}, "tools": [["detect", "1"]],
    }  # fmt: skip
    called = ["detect", {"image": "image_1"}]
    step = {"calls": [called], "ids": [[1], None], "media": [], "results": [[*called, "{}", []]], "text": ""}

    def sha(value):
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    trace = fold("one", events)
    assert trace.hash == trace_hash(trace) == sha({**header, "steps": [step], "answer": "2"})
    assert trace.chain == chain_of(trace) == [sha(part)[:16] for part in (header, step, "2")]


def test_counters_are_those_of_the_trace(store):
    store.append("abcd1234", "start", START)
    store.append("abcd1234", "plan", PLAN | {"counters": {"seconds": 0.5}})
    store.append("abcd1234", "results", {"results": [RESULT]})
    assert store.counters("abcd1234") == {"steps": 1, "calls": 1, "tool_seconds": 0.1, "seconds": 0.5}
    assert store.counters("eeee5555") == {}


def test_what_cannot_be_written_whole_is_not_written_at_all(store):
    """Another store wrote the second event's number: neither row of the batch is kept, and a line says so."""
    late = TraceStore(store.path, batch=2)
    late.append("abcd1234", "start", START)
    store.append("abcd1234", "start", START)
    with pytest.raises(TraceError, match="cannot use the trace store"):
        late.append("abcd1234", "plan", PLAN)
    assert [event["kind"] for event in store.events("abcd1234")] == ["start"]
    store.append("abcd1234", "end", {"answer": "2"})
    late.close()


def test_results_stand_in_the_order_of_their_calls():
    two = PLAN | {"calls": [{"id": "a", "tool": "x"}, {"id": "b", "tool": "y"}]}
    late = {"results": [RESULT | {"call": "b", "tool": "y"}]}
    early = {"results": [RESULT | {"call": "a", "tool": "x"}]}
    trace = fold("t", [("start", START), ("plan", two), ("results", late), ("results", early), ("results", late)])
    assert [result.tool for result in trace.calls] == ["x", "y"]


def test_a_full_disk_is_one_clear_line(store):
    write(store, "abcd1234")
    with store._engine.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(TraceError, match="full") as caught:
        store.append("ffff", "start", {"question": "x" * 1_000_000})
    assert "AGENTMM_HOME" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.get("abcd1234").answer == "2"


@pytest.mark.parametrize("content", [b"not a database" * 100, None])
def test_an_unusable_database_is_a_trace_error(tmp_path, content):
    path = tmp_path / "traces.db"
    path.write_bytes(content) if content else path.mkdir()
    with pytest.raises(TraceError, match="cannot use the trace store"):
        TraceStore(path)


def test_absorb_brings_new_traces_once(store, tmp_path):
    other = TraceStore(tmp_path / "other.db", batch=64)
    write(other, "abcd1234")
    other.label("abcd1234", "outcome", "right")
    write(store, "eeee5555")
    assert store.absorb(other) == 1
    assert store.absorb(other) == 0
    other.close()
    assert store.get("abcd1234").labels == {"outcome": "right"}
    store.append("abcd1234", "end", {"answer": "3"})
    assert store.get("abcd1234").answer == "3"
    assert len(store.events("abcd1234")) == 5


def test_a_trace_of_elsewhere_is_received_whole_or_not_at_all(store, tmp_path, monkeypatch):
    other = TraceStore(tmp_path / "other.db")
    write(other, "abcd1234")
    events = [(event["kind"], event["payload"], event["at"]) for event in other.events("abcd1234")]
    own = store._engine.raw_connection
    monkeypatch.setattr(store._engine, "raw_connection", lambda: (_ for _ in ()).throw(OSError("No space left")))
    with pytest.raises(TraceError, match="No space left"):
        store.receive("abcd1234", events, {"outcome": "right"})
    monkeypatch.setattr(store._engine, "raw_connection", own)
    assert not store.has("abcd1234")
    store.receive("abcd1234", events, {"outcome": "right"})
    assert store.events("abcd1234") == other.events("abcd1234")
    assert store.get("abcd1234").labels == {"outcome": "right"}
    assert store.summaries() == other.summaries()
    with pytest.raises(TraceError, match="already"):
        store.receive("abcd1234", events, {})


def test_kill_9_loses_no_event_that_was_written(tmp_path):
    """A child prints each event's number after `append` returned, and is killed between any two instructions."""
    path = tmp_path / "traces.db"
    code = (
        "import sys; from agentmm.trace import TraceStore\n"
        f"store = TraceStore({str(path)!r})\n"
        "for n in range(100000):\n"
        "    store.append('t' * 8, 'plan' if n else 'start', {'text': str(n)})\n"
        "    sys.stdout.write(f'{n}\\n'); sys.stdout.flush()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.15)
        os.kill(child.pid, signal.SIGKILL)
        told = child.stdout.read().split()
    store = TraceStore(path)
    events = store.events("t" * 8)
    assert len(told) > 3
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert len(events) >= int(told[-1]) + 1
    assert len(store.get("last").steps) == len(events) - 1
    store.append("t" * 8, "end", {"answer": "resumed"})
    assert store.get("last").answer == "resumed"
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
