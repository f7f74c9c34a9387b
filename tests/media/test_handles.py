"""Handles: numbering, lineage, what stands for what, and what may be named at all."""

import json
import pickle

import numpy as np
import pytest
from pydantic import BaseModel

from agentmm.errors import CallError, MediaError
from agentmm.media import Audio, Handles, Image, Mask, MediaStore, Region, crop, is_handle, rotate, zoom


@pytest.fixture
def run(store, picture):
    """Handles of a run that was given one picture and one clip."""
    handles = Handles()
    handles.keep(picture, store)
    handles.keep(Audio(np.linspace(-1, 1, 8000, dtype=np.float32), 8000), store)
    return handles


def test_numbers_start_at_one_per_kind_and_never_repeat(run):
    assert list(run.records) == ["image_1", "audio_1"]
    assert [run.mint("image"), run.mint("Image"), run.mint("Region"), run.mint("mask")] == [
        "image_2",
        "image_3",
        "region_1",
        "mask_1",
    ]
    assert Handles({"image_7": run.records["image_1"]}).mint("image") == "image_8"
    with pytest.raises(MediaError, match="no such kind"):
        run.mint("smell")


@pytest.mark.parametrize(
    ("text", "yes"), [("image_1", True), ("image_0", False), ("image_01", False), ("x_1", False), (3, False)]
)
def test_the_form_of_a_handle(text, yes):
    assert is_handle(text) is yes


@pytest.mark.parametrize("named", ["/etc/passwd", "image_2", "https://example.org/a.png", "", "image_1 "])
def test_only_handles_of_this_run_name_media(run, store, named):
    with pytest.raises(CallError, match="one of image_1, audio_1"):
        run.resolve(named, store)


def test_files_and_media_enter_a_run(store, file_of, encoded, picture):
    handles = Handles()
    path = file_of(encoded(picture.to_pil()))
    assert [handles.take(item, store)[0] for item in (path, str(path), picture)] == ["image_1", "image_2", "image_3"]
    assert handles.records["image_1"] == store.add_file(path)
    with pytest.raises(MediaError, match="does not exist"):
        handles.take("absent.png", store)
    assert list(handles.records) == ["image_1", "image_2", "image_3"]


def test_lineage_of_views_and_regions(run, store):
    source = run.resolve("image_1", store)
    turned = rotate(source, 30)
    assert run.keep(turned, store, ["image_1"])[0] == "image_2"
    assert run.records["image_2"]["of"] == "image_1"
    region = turned.region((10, 12, 30, 22), label="circle", text="red circle", score=0.5, attributes={"size": "large"})
    handle, record = run.keep(region, store, ["image_2"])
    assert handle == "region_1"
    assert (record["of"], record["source"]) == ("image_2", "image_1")
    assert record["local_box"] == [10, 12, 30, 22]
    assert record["box"] == pytest.approx(region.in_source().box, abs=1e-3)
    assert (record["label"], record["text"], record["score"]) == ("circle", "red circle", 0.5)
    assert record["attributes"] == {"size": "large"}
    assert json.loads(json.dumps(run.records)) == run.records


def test_a_region_becomes_the_crop_the_region_or_an_error(run, store):
    source = run.resolve("image_1", store)
    run.keep(source.region((3, 4, 9, 8)), store, ["image_1"])
    fresh, read = Handles(json.loads(json.dumps(run.records))), MediaStore(store.root)
    assert fresh.of_kind("Image") == ["image_1", "region_1"]
    assert fresh.of_kind("Region") == ["region_1"]
    assert fresh.of_kind("Audio") == ["audio_1"]
    assert fresh.of_kind("Video") == fresh.of_kind("Text") == []
    part = fresh.resolve("region_1", read, "Image")
    assert np.array_equal(part.pixels, source.pixels[4:8, 3:9])
    assert part.region((1, 1, 2, 2)).in_source().box == (4.0, 5.0, 5.0, 6.0)
    region = fresh.resolve("region_1", read)
    assert isinstance(region, Region)
    assert region.cut().sha == part.sha
    with pytest.raises(CallError, match=r"region_1 is no Audio; expected audio_1"):
        fresh.resolve("region_1", read, "Audio")
    with pytest.raises(CallError, match="this run has none"):
        fresh.resolve("image_1", read, "Mask")


def test_a_region_found_in_the_crop_of_a_region_lies_in_the_nearest_named_picture(run, store):
    source = run.resolve("image_1", store)
    run.keep(zoom(source, 2), store, ["image_1"])
    big = run.resolve("image_2", store)
    run.keep(big.region((20, 10, 80, 50)), store, ["image_2"])
    nameless = run.resolve("region_1", store, "Image")
    _, record = run.keep(nameless.region((4, 6, 10, 12)), store, ["region_1"])
    assert (record["of"], record["source"]) == ("image_2", "image_1")
    assert record["local_box"] == [24, 16, 30, 22]
    assert record["box"] == [12, 8, 15, 11]


def test_a_region_without_origin_lies_in_what_the_tool_was_given(run, store):
    run.keep(run.resolve("image_1", store).region((10, 10, 30, 30)), store, ["image_1"])
    _, record = run.keep(Region(box=(1, 2, 3, 4)), store, ["region_1"])
    assert (record["of"], record["box"]) == ("image_1", [11, 12, 13, 14])
    with pytest.raises(MediaError, match="no origin"):
        run.keep(Region(box=(1, 2, 3, 4)), store)


def test_equal_pictures_keep_their_own_handles(run, store):
    same = run.resolve("image_1", store)
    assert run.keep(same, store)[0] == "image_2"
    assert run.keep(same.region((0, 0, 1, 1)), store, ["image_2"])[1]["of"] == "image_2"
    assert run.keep(same.region((0, 0, 1, 1)), store)[1]["of"] == "image_1"


def test_a_region_of_an_unknown_picture_is_kept_but_stands_for_nothing(run, store):
    stranger = Image(np.zeros((5, 5, 3), np.uint8))
    handle, record = run.keep(stranger.region((0, 0, 1, 1)), store)
    assert (record["of"], record["source"]) == (None, None)
    assert handle not in run.of_kind("Image")
    assert run.resolve(handle, store).box == (0.0, 0.0, 1.0, 1.0)


def test_spans_stand_for_clips(run, store):
    clip = run.resolve("audio_1", store)
    part = clip.slice(0.25, 0.75)
    run.keep(part, store, ["audio_1"])
    _, record = run.keep(part.region((0.1, 0.2), text="bell"), store, ["audio_2"])
    assert (record["of"], record["span"], record["local_span"]) == ("audio_2", [0.35, 0.45], [0.1, 0.2])
    assert run.of_kind("Audio") == ["audio_1", "audio_2", "region_1"]
    heard = run.resolve("region_1", MediaStore(store.root), "Audio")
    assert np.array_equal(heard.samples, clip.samples[2800:3600])


def test_masks(run, store):
    source = run.resolve("image_1", store)
    pixels = np.zeros((40, 60), bool)
    pixels[10:20, 5:9] = True
    mask = Mask(pixels, source.place)
    handle, record = run.keep(mask, store, ["image_1"])
    assert (handle, record["of"]) == ("mask_1", "image_1")
    run.keep(Region(kind="mask", mask=mask, origin=source.place, text="a strip"), store, ["image_1"])
    assert run.of_kind("Mask") == ["mask_1", "region_1"]
    again = run.resolve("region_1", MediaStore(store.root), "Mask")
    assert np.array_equal(again.pixels, pixels)
    region = run.resolve("region_1", store)
    assert (region.kind, region.box) == ("mask", (5.0, 10.0, 9.0, 20.0))


def test_handles_come_in_the_order_of_their_numbers(run):
    records = {f"image_{n}": run.records["image_1"] for n in (10, 2, 1)}
    assert Handles(records).of_kind("Image") == ["image_1", "image_2", "image_10"]


def test_media_cross_processes_sealed(picture):
    again = pickle.loads(pickle.dumps(crop(picture, (1, 2, 30, 30))))
    assert again.place.source == picture.sha
    with pytest.raises(ValueError, match="read-only"):
        again.pixels[0, 0] = 0


def test_pydantic_sees_media_as_objects_and_schema_as_handles(picture):
    class Result(BaseModel):
        image: Image
        regions: list[Region] = []

    assert Result(image=picture, regions=[picture.region((0, 0, 1, 1))]).image is picture
    with pytest.raises(ValueError, match="instance of Image"):
        Result(image="image_1")
    schema = Result.model_json_schema()["properties"]
    assert schema["image"]["type"] == "string"
    assert "region_1" in schema["regions"]["items"]["description"]
