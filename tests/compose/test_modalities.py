"""The modality graph of the tools."""

import pytest

from agentmm.compose import draw, find_compositions, modality_graph
from agentmm.registry import load_tools


@pytest.fixture(scope="module")
def tools():
    return load_tools(["read_text", "crop", "zoom", "calculate", "transcribe", "imagine"])


def test_edges_lead_from_what_is_taken_to_what_is_given(tools):
    graph = modality_graph(tools)
    edges = {(begin, end, facts["tool"]) for begin, end, facts in graph.edges(data=True)}
    assert ("Image", "Region", "read_text") in edges
    assert ("Region", "Image", "crop") in edges
    assert ("Audio", "Text", "transcribe") in edges
    assert ("Text", "Image", "imagine") in edges
    assert ("Number", "Image", "zoom") not in edges, "a tool starts from its media, not from its other arguments"


def test_compositions_are_found_shortest_first(tools):
    assert find_compositions(tools, "Audio", "Image")[0] == ["transcribe", "imagine"]
    assert find_compositions(tools, "Image", "Region")[0] == ["read_text"]
    assert ["zoom", "read_text"] in find_compositions(tools, "Image", "Region")
    assert find_compositions(tools, "Image", "Audio", most_calls=2) == [["read_text", "crop"]]
    assert find_compositions(tools, "Video", "Text") == []


def test_drawings(tools):
    graph = modality_graph(load_tools(["crop", "transcribe"]))
    assert draw(graph) == "Audio -> Text    transcribe\nRegion -> Audio  crop\nRegion -> Image  crop"
    lines = draw(graph, mermaid=True).splitlines()
    assert lines[0] == "flowchart LR"
    assert "    Audio -- transcribe --> Text" in lines
    assert draw(modality_graph([])) == ""
