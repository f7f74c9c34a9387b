"""The issue's section on bad input: each ends in one clear line and the right exit code, with the trace intact."""

import io
import json
import struct
import subprocess
import time
import wave
import zlib

import numpy as np
import pytest
from PIL import Image as PILImage

from agentmm.media import MediaStore
from agentmm.trace import TraceStore
from tests.cli.conftest import PARTS, PYTHON
from tests.cli.parts import STEPS
from tests.marked import NAME, left_of


def png(width, height, rows=b""):
    """A PNG whose header says any size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def whole_png():
    file = io.BytesIO()
    PILImage.effect_noise((90, 90), 60).save(file, "PNG")
    return file.getvalue()


def huge_wav():
    """A WAV whose header promises 100 hours."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 800)
    data = bytearray(file.getvalue())
    data[40:44] = struct.pack("<I", 2**32 - 100)
    return bytes(data)


UNUSABLE = {
    "empty.png": b"",
    "truncated.png": whole_png()[:1500],
    "magic.png": b"this is no picture at all, whatever its name says",
    "bomb.png": png(60000, 60000, b"\0" * 1000),
    "nothing.png": png(0, 0),
    "page.pdf": b"%PDF-1.7\n" + b"x" * 500,
    "cut.wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
}


@pytest.mark.parametrize("name", ["missing.png", ".", *UNUSABLE])
def test_a_file_that_is_no_medium_is_one_line_and_2(ask, tmp_path, name, home):
    if name in UNUSABLE:
        (tmp_path / name).write_bytes(UNUSABLE[name])
    ran = ask("giving_up", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")
    assert len(TraceStore(home / "traces.db")) == 0


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_a_file_without_a_question_is_2(ask, tmp_path, name):
    ran = ask("giving_up", question=[name])
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "a file but no question" in ran.err


def test_huge_audio_is_refused(ask, tmp_path):
    (tmp_path / "huge.wav").write_bytes(huge_wav())
    ran = ask("giving_up", "huge.wav")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "huge.wav is truncated or its header lies; got '1600 bytes of samples where its header promises" in ran.err
    with wave.open(str(tmp_path / "long.wav"), "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        sound.writeframes(b"\x80" * 8000 * 3600 * 5)
    ran = ask("giving_up", "long.wav")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "long.wav is too long a clip; got '18000.0 s at 8000 Hz'; expected at most 1800 s" in ran.err


def sixteen_bit(path):
    PILImage.fromarray(np.full((20, 30), 40000, np.uint16)).save(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("deep.png", sixteen_bit),
        ("cmyk.jpg", lambda path: PILImage.new("CMYK", (30, 20), (0, 255, 255, 0)).save(path)),
        ("palette.png", lambda path: PILImage.new("RGB", (30, 20), "red").convert("P").save(path)),
        ("alpha.png", lambda path: PILImage.new("RGBA", (30, 20), (255, 0, 0, 128)).save(path)),
        (
            "animated.gif",
            lambda path: PILImage.new("P", (30, 20), 1).save(
                path, save_all=True, append_images=[PILImage.new("P", (30, 20), 2)]
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_pictures_are_read(ask, tmp_path, home, name, write):
    write(tmp_path / name)
    ran = ask("giving_up", name)
    assert (ran.code, ran.out) == (0, "unanswerable: it cannot be seen\n")
    image = MediaStore(home / "media").get(TraceStore(home / "traces.db").get("last").media["image_1"])
    assert (image.width, image.height, image.pixels.dtype) == (30, 20, np.uint8)


@pytest.mark.parametrize(
    ("program", "tools", "says"),
    [
        ("calling_nothing", "calculate", "teleport"),
        ("calling_wrongly", "calculate", "expression"),
        ("calling_with_a_path", "measure_colour", "/etc/passwd"),
        ("calling_refuse", "refuse", "the lens is dirty"),
        ("calling_huge", "huge", "100000010 bytes"),
    ],
)
def test_what_a_planner_can_do_wrong_goes_back_to_it(ask, program, tools, says):
    ran = ask(program, "--json", tools=tools)
    said = json.loads(ran.out)
    assert (ran.code, said["status"]) == (0, "answered")
    (call,) = said["steps"]
    assert says in call["error"]
    assert said["answer"] == call["error"] == json.loads(call["observation"])["error"]
    assert len(call["observation"]) < 500


def test_a_tool_that_raises_ends_the_run_with_1(ask, home):
    ran = ask("calling_crash", tools="crash")
    assert (ran.code, ran.out) == (1, "")
    assert "boom" in next(line for line in ran.err.splitlines() if line.startswith("failed"))
    trace = TraceStore(home / "traces.db").get("last")
    assert (trace.status, len(trace.steps), "boom" in trace.calls[0].error) == ("failed", 1, True)


@pytest.mark.parametrize("tool", ["hang", "hang_here"])
def test_a_tool_that_hangs_is_ended_within_two_more_seconds(ask, home, tool):
    from agentmm.tool.worker import WORKERS

    ask("giving_up", tools=tool)  # what is imported late would count
    before = set(WORKERS.pids())
    for _ in range(3):  # on a busy machine the time may be over before the tool is called: that is a partial answer
        began = time.monotonic()
        ran = ask(tool.replace("hang", "hanging"), "--timeout", "2", "--json", tools=tool)
        wall, said = time.monotonic() - began, json.loads(ran.out)
        if said["steps"] and wall < 4:
            break
    assert (ran.code, said["status"]) == (1, "failed")
    assert said["seconds"] <= wall < 4
    assert set(WORKERS.pids()) <= before
    assert TraceStore(home / "traces.db").get("last").status == "failed"


def test_no_process_is_left_of_a_tool_that_hangs_and_the_whole_command_ends_in_time(environment, tmp_path):
    """`--timeout 2`: exit 1 within 4 s by the wall, interpreter and imports included, and no process left.

    Start and imports alone take longer than 4 s on a machine that does something else too, so there the bound holds
    for what the command takes beyond the same one with a tool that refuses at once; both bounds hold where that one
    takes 2.5 s at most, as it does on an idle machine.
    """

    def timed(program, tool, timeout):
        words = ["ask", "q", "--planner", f"{PARTS}:{program}", "--tools", f"{PARTS}:{tool}", "--timeout", timeout]
        began = time.monotonic()
        done = subprocess.run(
            [PYTHON, "-m", "agentmm", *words, "--json"],
            env={**environment, NAME: str(tmp_path)}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return time.monotonic() - began, done

    for _ in range(3):  # something else may have had the machine during one of the two
        usual, done = timed("calling_refuse", "refuse", "100")
        assert (done.returncode, json.loads(done.stdout)["answer"]) == (0, "the lens is dirty")
        wall, done = timed("hanging", "hang", "2")
        assert left_of(str(tmp_path)) == []
        in_time = wall - usual < 4 and (wall < 4 or usual > 2.5)
        if in_time and done.returncode == 1:
            break
    assert (done.returncode, json.loads(done.stdout)["status"]) == (1, "failed")
    assert in_time, (wall, usual)


@pytest.fixture
def full_disk(tmp_path):
    """A disk of 256 KiB; skipped where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_is_one_line_and_1(ask, full_disk, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    PILImage.fromarray(noise).save(tmp_path / "noise.png")
    ran = ask("giving_up", "noise.png", "--home", full_disk)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith("error: ")


SMALL_FILES = """
import resource, sys
size, *sys.argv[1:] = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
from agentmm.cli import main
main()
"""
"""Runs the command line where no file can grow beyond so many bytes, which any user can do."""


def with_small_files(size, words, environment):
    own = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [PYTHON, "-c", SMALL_FILES, str(size), *words]
    return subprocess.run(command, env=own, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(("size", "says"), [(262_144, "cannot store noise.png"), (8_192, "cannot use the trace store")])
def test_a_quota_that_is_spent_is_one_line_and_1(environment, home, tmp_path, size, says):
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    PILImage.fromarray(noise).save(tmp_path / "noise.png")
    ran = with_small_files(size, ["ask", "noise.png", "q", "--planner", f"{PARTS}:giving_up"], environment)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert ran.stderr.startswith(f"error: {says}")
    assert "free some space" in ran.stderr
    assert not [path for path in (home / "media").rglob("*") if path.is_file()]


def test_a_quota_spent_in_the_middle_leaves_a_run_that_goes_on(environment, home, agentmm, tmp_path):
    """The checkpoints' file cannot grow beyond 180 kB; what was finished is not made again."""
    given = ["--planner", f"{PARTS}:writing", "--tools", f"{PARTS}:note"]
    ran = with_small_files(180_000, ["ask", "q", *given], environment)
    assert (ran.returncode, ran.stdout, ran.stderr.count("error: ")) == (1, "", 1)
    assert ran.stderr.splitlines()[-1].startswith("error: cannot write checkpoints to ")
    written = (tmp_path / "notes").read_text().split()
    assert 2 <= len(written) < 2 * STEPS
    trace = TraceStore(home / "traces.db").get("last")
    assert agentmm("ask", "--resume", trace.id, *given).code == 0
    whole = [f"{step}{letter}" for step in range(STEPS) for letter in "ab"]
    assert sorted((tmp_path / "notes").read_text().split()) == whole
    assert TraceStore(home / "traces.db").get(trace.id).answer == " ".join(whole)


def test_a_disk_that_fills_up_in_the_middle_leaves_a_store_that_reads(ask, home, monkeypatch):
    """The journal cannot be written after the first step."""
    from agentmm.nodes.journal import Journal

    write = Journal.write

    def failing(self, step, call, entry, **how):
        if step > 1:
            raise OSError(28, "No space left on device", "journal")
        write(self, step, call, entry, **how)

    monkeypatch.setattr(Journal, "write", failing)
    ran = ask("writing", tools="note")
    assert ran.code == 1
    assert any("No space left on device" in line for line in ran.err.splitlines())
    assert "Traceback" not in ran.err
    trace = TraceStore(home / "traces.db").get("last")
    assert [result.call for result in trace.calls][:2] == ["call_1", "call_2"]


def test_a_home_that_cannot_be_written_is_one_line_and_1(ask, tmp_path):
    (tmp_path / "file").write_text("no folder")
    ran = ask("giving_up", "--home", tmp_path / "file" / "home")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
