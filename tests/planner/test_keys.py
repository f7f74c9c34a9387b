import pytest
from pydantic import BaseModel, SecretStr

from agentmm.planner.keys import hidden, keys_of


class Model(BaseModel):
    openai_api_key: SecretStr
    name: str = "a-name-that-is-no-key"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name, value in {
        "A_API_KEY": "12345678",
        "B_TOKEN": "123456789",
        "C_API_KEY": "short",
        "PLACE": "elsewhere",
    }.items():
        monkeypatch.setenv(name, value)


def test_keys_are_those_of_the_environment_and_the_model():
    found = keys_of(Model(openai_api_key=SecretStr("of-the-model")))
    assert {"12345678", "123456789", "of-the-model"} <= set(found)
    assert not {"short", "elsewhere", "a-name-that-is-no-key"} & set(found)
    assert found.index("123456789") < found.index("12345678")


def test_keys_are_blotted_out_at_any_depth():
    value = {"a": ["x12345678y", 7, None], "12345678": {"b": "123456789 12345678"}}
    assert hidden(value, ["123456789", "12345678"]) == {"a": ["x***y", 7, None], "***": {"b": "*** ***"}}
    assert hidden("nothing", []) == "nothing"
