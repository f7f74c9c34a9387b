"""The store: addresses, verification, crashes, full disks, many processes."""

import errno
import hashlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from agentmm.errors import MediaError
from agentmm.media import LIMITS, Audio, Image, Mask, MediaStore, crop, default_home, rotate
from agentmm.media.recent import Recent


def files_in(store):
    return sorted(path for path in store.root.rglob("*") if path.is_file())


@pytest.fixture
def png(file_of, encoded, picture):
    return file_of(encoded(picture.to_pil()), "a.png")


def test_a_file_is_kept_as_given(store, png, picture):
    record = store.add_file(png)
    sha = hashlib.sha256(png.read_bytes()).hexdigest()
    assert record == {"kind": "image", "sha": sha, "width": 60, "height": 40, "of": None, "chain": []}
    assert store.path(sha).read_bytes() == png.read_bytes()
    assert store.path(sha).suffix == ".png"
    assert sha in store
    again = MediaStore(store.root).get(record)
    assert np.array_equal(again.pixels, picture.pixels)
    assert again.sha == sha
    assert store.add_file(png) == record
    assert len(files_in(store)) == 1


def test_made_media_come_back_with_their_hash(store, picture):
    mask = np.zeros((40, 60), bool)
    mask[5:9] = True
    noise = np.random.default_rng(0).uniform(-1, 1, 999).astype(np.float32)
    for media in (picture, rotate(picture, 33), Mask(mask, picture.place), Audio(noise, 22050)):
        record = store.add(media)
        again = MediaStore(store.root).get(record)
        assert (again.sha, again.kind, again.place) == (media.sha, media.kind, media.place)
        assert record["sha"] == media.sha
    assert np.array_equal(MediaStore(store.root).get(Audio(noise, 22050).sha).samples, noise)


def test_a_view_keeps_its_chain_through_the_record(store, png):
    store.add_file(png)
    source = store.get(store.add_file(png))
    view = crop(rotate(source, 20), (5, 6, 30, 31))
    record = store.add(view)
    assert record["root"] == source.sha
    assert [step["op"] for step in record["chain"]] == ["crop", "rotate"]
    assert MediaStore(store.root).get(record).place == view.place
    assert store.get(view.sha).place.chain == ()  # a bare hash tells of no source


def test_equal_samples_are_stored_once(store, picture):
    first, second = store.add(picture), store.add(Image(np.array(picture.pixels)))
    assert first == second
    assert len(files_in(store)) == 1


def test_a_picture_whose_file_is_elsewhere_counts_as_made(store, png):
    from agentmm.media import open_media

    image = open_media(png)
    record = store.add(image)
    assert record["sha"] == Image(np.array(image.pixels)).sha
    assert store.get(record).place.source == record["sha"]


@pytest.mark.parametrize("bad", ["", "xyz", "0" * 64, "../../etc/passwd", "A" * 64])
def test_unknown_hashes(store, bad):
    with pytest.raises(MediaError):
        store.get(bad)
    with pytest.raises(MediaError, match="no such medium"):
        store.path(bad)
    assert bad not in store


def test_a_region_record_is_no_stored_medium(store):
    with pytest.raises(MediaError, match="no record of a stored medium"):
        store.get({"kind": "region", "of": "image_1"})


@pytest.mark.parametrize(
    "damage", [lambda d: d[: len(d) // 2], lambda d: b"", lambda d: d[:60] + bytes([d[60] ^ 1]) + d[61:]]
)
@pytest.mark.parametrize("made", [True, False])
def test_a_damaged_medium_is_named_and_mended_by_adding_it_again(store, png, picture, damage, made):
    record = store.add(picture) if made else store.add_file(png)
    path = store.path(record["sha"])
    path.write_bytes(damage(path.read_bytes()))
    fresh = MediaStore(store.root)
    with pytest.raises(MediaError, match=r"is damaged.*rm ") as caught:
        fresh.get(record)
    assert "\n" not in str(caught.value)
    if made:
        path.unlink()
        fresh.add(picture)
    else:
        fresh.add_file(png)
    assert np.array_equal(fresh.get(record).pixels, picture.pixels)


def test_unusable_files_leave_nothing(store, file_of, tmp_path):
    for path in (file_of(b"nonsense", "a.png"), file_of(b"", "b.png"), tmp_path / "absent.png", tmp_path):
        with pytest.raises(MediaError, match=str(path)):
            store.add_file(path)
    assert files_in(store) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(store, png, picture, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MediaError, match=r"cannot store.*No space left on device.*AGENTMM_HOME"):
        store.add(picture)
    with pytest.raises(MediaError, match=rf"cannot store {png}.*No space left on device"):
        store.add_file(png)
    assert files_in(store) == []


def test_a_quota_hit_in_the_middle_leaves_nothing(store):
    noise = Image(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(MediaError, match="cannot store"):
            store.add(noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files_in(store) == []
    store.add(noise)


def test_a_root_that_is_a_file_is_named(file_of, picture):
    with pytest.raises(MediaError, match="cannot store"):
        MediaStore(file_of(b"x", "root")).add(picture)


def _add_all(root, seed):
    store, rng = MediaStore(root), np.random.default_rng(seed)
    for number in rng.permutation(12):
        store.add(Image(np.full((50, 50, 3), number, np.uint8)))


def test_many_processes_share_a_store(store):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_all, args=(store.root, seed)) for seed in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(files_in(store)) == 12
    for path in files_in(store):
        assert MediaStore(store.root).get(path.stem).sha == path.stem


ENDLESS = """
import sys, numpy as np
from agentmm.media import LIMITS, Audio, Image, MediaStore
store, rng = MediaStore(sys.argv[1]), np.random.default_rng()
store.add(Image(np.zeros((9, 9, 3), np.uint8)))
print("ready", flush=True)
while True:
    store.add(Image(rng.integers(0, 256, (150, 150, 3), dtype=np.uint8)))
    store.add(Audio(rng.uniform(-1, 1, 30000).astype(np.float32), 8000))
"""


def test_kill_9_leaves_no_half_file_under_a_final_name(store):
    for delay in (0.03, 0.08, 0.17):
        process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(store.root)], stdout=subprocess.PIPE)
        with process:
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
    stored = [path for path in files_in(store) if path.parent.name != "drafts"]
    assert len(stored) > 1
    for path in stored:
        assert MediaStore(store.root).get(path.stem).sha == path.stem


def test_drafts_of_the_dead_are_swept(store, picture):
    drafts = store.root / "drafts"
    drafts.mkdir(parents=True)
    for name, age_s in (("old", 7200), ("new", 10)):
        (drafts / name).write_bytes(b"half")
        os.utime(drafts / name, (time.time() - age_s,) * 2)
    store.add(picture)
    assert [path.name for path in drafts.iterdir()] == ["new"]


def test_recent_media_are_bounded_in_bytes(picture):
    images = [Image(np.full((10, 10, 3), value, np.uint8)) for value in range(4)]  # 300 bytes each
    recent = Recent(700)
    for image in images[:2]:
        recent.put(image.sha, image)
    recent.get(images[0].sha)
    recent.put(images[2].sha, images[2])
    assert recent.get(images[1].sha) is None
    assert recent.get(images[0].sha) is images[0]
    assert recent.nbytes == 600
    recent.put("large", picture)  # 7200 bytes
    assert recent.get("large") is None
    assert recent.nbytes == 600


def test_a_second_read_needs_no_disk(store, picture):
    record = store.add(picture)
    store.path(record["sha"]).unlink()
    assert store.get(record).sha == picture.sha


def test_the_home_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    assert default_home() == tmp_path
    assert MediaStore().root == tmp_path / "media"
    monkeypatch.delenv("AGENTMM_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_home() == tmp_path / ".cache" / "agentmm"
    assert not default_home().exists()


def test_a_medium_of_another_store_is_taken_over_under_its_hash(tmp_path):
    theirs, ours = MediaStore(tmp_path / "theirs"), MediaStore(tmp_path / "ours")
    made = theirs.add(Image(np.full((4, 6, 3), 7, np.uint8)))
    ours.take_over(made["sha"], theirs)
    assert made["sha"] in ours
    assert np.array_equal(ours.get(made["sha"]).pixels, theirs.get(made["sha"]).pixels)
    ours.take_over(made["sha"], MediaStore(tmp_path / "empty"))  # what is here already is not asked for
    with pytest.raises(MediaError, match="no such medium"):
        ours.take_over("0" * 64, theirs)


def test_a_file_of_another_store_is_received_under_its_name(tmp_path, png, video):
    theirs, ours = MediaStore(tmp_path / "theirs"), MediaStore(tmp_path / "ours")
    made = [
        theirs.add_file(png),
        theirs.add_bytes(video()),
        theirs.add(Image(np.full((4, 6, 3), 7, np.uint8))),
        theirs.add(Mask(np.eye(5, dtype=bool))),
        theirs.add(Audio(np.linspace(-1, 1, 800, dtype=np.float32), 8000)),
    ]
    for record in made:
        name, data = theirs.file_of(record["sha"])
        ours.receive(name, data)
        ours.receive(name, b"what is here already is not written again")
        assert ours.file_of(record["sha"]) == (name, data)
        assert ours.get(record).sha == MediaStore(tmp_path / "ours").get(record).sha == record["sha"]
    with pytest.raises(MediaError, match="no such medium"):
        ours.file_of("0" * 64)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../{sha}.png", "not the name"),
        ("files/../{sha}.png", "not the name"),
        ("files/{sha}", "not the name"),
        ("drafts/{sha}.png", "not the name"),
        ("files/{sha}.png/x", "not the name"),
        ("files/{other}.png", "another's hash"),
        ("made/{other}.png", "another's hash"),
    ],
)
def test_what_a_name_does_not_say_is_not_received(tmp_path, name, words, png):
    theirs, ours = MediaStore(tmp_path / "theirs"), MediaStore(tmp_path / "ours")
    sha = theirs.add_file(png)["sha"]
    data = theirs.file_of(sha)[1]
    with pytest.raises(MediaError, match=words):
        ours.receive(name.format(sha=sha, other="0" * 64), data)
    with pytest.raises(MediaError, match="too large"):
        MediaStore(tmp_path / "small", limits=replace(LIMITS, file_bytes=10)).receive(f"files/{sha}.png", data)
    assert not list((tmp_path / "ours").rglob("*.png"))
