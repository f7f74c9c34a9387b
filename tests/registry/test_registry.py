"""Names lead to tools and graphs."""

import pytest

from agentmm.errors import ConfigError, UsageError
from agentmm.registry import available, load_tool, load_tools
from agentmm.tool import Tool


def test_every_module_is_found_by_its_name():
    names = available("tools")
    assert {"calculate", "crop", "read_text"} <= set(names)
    assert names == sorted(names)
    assert load_tool("crop").name == "crop"


def test_mistyped_names_are_mended():
    with pytest.raises(UsageError, match=r"no tool of that name; got 'read_txt'; .*try: read_text"):
        load_tool("read_txt")
    with pytest.raises(UsageError, match="agentmm tools list"):
        load_tool("qqqqqq")
    with pytest.raises(UsageError, match="expected tools or graphs"):
        available("planners")


def test_tools_of_modules_files_and_functions(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from agentmm.tool import tool\n@tool\ndef twice(x: float) -> float:\n    'Twice.'\n    return 2 * x\n"
        "def plain(x: str) -> str:\n    'Plain.'\n    return x\nNUMBER = 3\n"
    )
    assert load_tool(f"{path}:twice").call(x=2.0).value == {"result": 4.0}
    assert isinstance(load_tool(f"{path}:plain"), Tool)
    assert load_tool("agentmm.tools.crop:crop").name == "crop"
    with pytest.raises(UsageError, match=f"try: {path}:twice"):
        load_tool(f"{path}:twic")
    with pytest.raises(ConfigError, match="not a tool; got 3"):
        load_tool(f"{path}:NUMBER")


def test_a_file_with_a_fault_gives_one_line(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(:\n")
    for name in (f"{path}:f", f"{tmp_path}/none.py:f", "no.such.module:f"):
        with pytest.raises(UsageError) as caught:
            load_tool(name)
        assert "\n" not in str(caught.value)


def test_a_tool_of_a_file_is_usable_beside_one_that_is_not(tmp_path):
    """The one without a docstring is refused when it is asked for; its neighbour may still call it."""
    path = tmp_path / "some.py"
    path.write_text(
        "from agentmm.tool import tool\n@tool\ndef poor(x: float) -> float:\n    return 2 * x\n"
        "@tool\ndef good(x: float) -> float:\n    'Four times.'\n    return poor(poor(x))\n"
    )
    assert load_tool(f"{path}:good").call(x=2.0).value == {"result": 8.0}
    with pytest.raises(UsageError, match="tool 'poor' has no docstring") as caught:
        load_tool(f"{path}:poor")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="tool 'poor' has no docstring"):
        exec(compile(path.read_text(), str(path), "exec"), {"__name__": "own"})


def test_settings_reach_the_tool():
    assert load_tool("transcribe", model="base.en").options == {"model": "base.en"}
    with pytest.raises(ConfigError, match="no such setting"):
        load_tool("crop", model="x")


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two tools have one name; got 'crop'"):
        load_tools(["crop", "agentmm.tools.crop:crop"])
