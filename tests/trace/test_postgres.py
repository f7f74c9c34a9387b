"""The trace store in a real PostgreSQL server on a socket in a temporary folder, where its programs are installed."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentmm import Agent
from agentmm.errors import MissingExtra, TraceError
from agentmm.trace import TraceStore
from agentmm.trace import store as store_module

FOLDERS = [*glob.glob("/usr/lib/postgresql/*/bin"), *filter(None, [os.path.dirname(shutil.which("initdb") or "")])]
USER = "postgres" if os.geteuid() == 0 else None
EXAMPLE = Path(__file__).parents[2] / "examples" / "media" / "scene.png"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Folder of the socket of a fresh server; it listens on no port."""
    if not FOLDERS:
        pytest.skip("PostgreSQL's server programs are not installed")
    programs, folder = Path(FOLDERS[0]), tempfile.mkdtemp(prefix="agentmm-pg-", dir="/tmp")
    if USER:
        shutil.chown(folder, USER)
    data = f"{folder}/data"
    start = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, user=USER, cwd=folder,
        )  # fmt: skip
        with subprocess.Popen(start, user=USER, cwd=folder, stderr=subprocess.DEVNULL) as process:
            ready = [programs / "pg_isready", "-q", "-h", folder]
            while subprocess.run(ready, check=False).returncode and process.poll() is None:
                time.sleep(0.05)
            yield folder
            process.send_signal(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """The URL of a new database."""
    import psycopg

    name = f"db{abs(hash(request.node.name)) % 10**9}"
    with psycopg.connect(f"host={server} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql://postgres@/{name}?host={server}"


def test_a_run_is_kept_found_labelled_and_read_by_another_store(url: str, tmp_path: Path) -> None:
    with Agent("scripted", home=tmp_path / "a", traces=url) as agent:
        answer = agent.ask("How many red circles are there?", [EXAMPLE])
    with Agent("scripted", home=tmp_path / "b") as agent:
        same = agent.ask("How many red circles are there?", [EXAMPLE])
        in_file = agent.traces.get(same.trace_id)
    store = TraceStore(url)
    trace = store.get(answer.trace_id[:6])
    assert (trace.answer, trace.hash) == (in_file.answer, in_file.hash)
    store.label(trace.id, "outcome", "right")
    store.label(trace.id, "outcome", "right")
    again = TraceStore(url)
    assert again.get("last").labels == {"outcome": "right"}
    again.close()
    assert [row["id"] for row in store.summaries(status="answered")] == [trace.id]
    store.close()


def test_traces_move_from_a_file_to_the_server_once(url: str, tmp_path: Path) -> None:
    file, store = TraceStore(tmp_path / "traces.db"), TraceStore(url)
    file.append("abcd1234", "start", {"question": "How many?", "graph": "react", "tools": [], "seed": 3})
    file.append("abcd1234", "end", {"answer": "2 \u0000 ü 🙂", "status": "answered"})
    assert (store.absorb(file), store.absorb(file)) == (1, 0)
    assert store.get("abcd").hash == file.get("abcd").hash
    file.close()
    store.close()


def test_two_stores_write_one_trace_in_turn(url: str) -> None:
    first, second = TraceStore(url), TraceStore(url)
    first.append("abcd1234", "start", {"question": "How many?"})
    second.append("abcd1234", "end", {"answer": "2", "status": "answered"})
    assert [event["seq"] for event in first.events("abcd1234")] == [0, 1]
    assert first.get("abcd1234").status == "answered"
    first.close()
    second.close()


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot use the trace store") as caught:
        TraceStore(f"postgresql://somebody:secret@/name?host={tmp_path}")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_other_databases_and_a_missing_driver_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TraceError, match="postgresql://user@host/name"):
        TraceStore("mysql://somebody@host/name")

    def missing(*given: object, **named: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(store_module.sa, "create_engine", missing)
    with pytest.raises(MissingExtra, match=r"agentmm\[postgres\]"):
        TraceStore("postgresql://somebody@host/name")
