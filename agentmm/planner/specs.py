"""What a planner must know of a tool, as JSON: its line for the prompt, its parameters for the grammar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentmm.tool.told import told


def spec_of(tool: Any) -> dict[str, Any]:
    """The specification of one tool.

    Args:
        tool: a `Tool`, a LangChain tool, or a specification already.

    Returns:
        `{"name", "description", "signature", "params"}`, a parameter being
        `{"name", "modality", "accepts", "choices", "required", "whole"}`.
    """
    if isinstance(tool, dict):
        return tool
    params = (
        [_param(name, param) for name, param in tool.params.items()] if hasattr(tool, "params") else _from_schema(tool)
    )
    inside = ",".join(f"{p['name']}:{'|'.join(p['accepts'] or p['choices'] or [p['modality']])}" for p in params)
    signature = getattr(tool, "told", None) or told(f"{tool.name}({inside})", tool.description)
    return {"name": tool.name, "description": tool.description, "signature": signature, "params": params}


def specs_of(tools: Iterable[Any]) -> list[dict[str, Any]]:
    """The specifications of several tools, in their order."""
    return [spec_of(tool) for tool in tools]


def schema_of(tool: Any) -> dict[str, Any]:
    """A tool in OpenAI's form, which chat templates and providers read.

    Args:
        tool: as for `spec_of`; a specification alone gives the schema of its parameters.
    """
    if hasattr(tool, "params"):
        described = f"{tool.description}\n{tool.signature}"
        parameters = tool.args_schema
    elif isinstance(tool, dict):
        described, parameters = tool.get("description", ""), _parameters(tool["params"])
    else:
        fields = tool.tool_call_schema
        described = tool.description
        parameters = fields if isinstance(fields, dict) else fields.model_json_schema()
    name = tool["name"] if isinstance(tool, dict) else tool.name
    return {"type": "function", "function": {"name": name, "description": described, "parameters": parameters}}


def _parameters(params: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """JSON Schema of the parameters of a specification."""
    listed = list(params)
    properties = {param["name"]: _property(param) for param in listed}
    required = [param["name"] for param in listed if param["required"]]
    return {"type": "object", "properties": properties, "required": required}


def _property(param: dict[str, Any]) -> dict[str, Any]:
    if param["accepts"]:
        handles = " or ".join(f"{name.lower()}_1" for name in param["accepts"])
        return {"type": "string", "description": f"handle of existing media, such as {handles}"}
    if param["choices"]:
        return {"type": "string", "enum": list(param["choices"])}
    kinds = {"Number": "integer" if param["whole"] else "number", "Flag": "boolean"}
    return {"type": kinds.get(param["modality"], "string")}


def _param(name: str, param: Any) -> dict[str, Any]:
    return {
        "name": name,
        "modality": param.modality,
        "accepts": list(param.accepts),
        "choices": list(param.choices),
        "required": param.required,
        "whole": param.whole,
    }


_MODALITIES = {"string": "Text", "number": "Number", "integer": "Number", "boolean": "Flag"}


def _from_schema(tool: Any) -> list[dict[str, Any]]:
    """Parameters of a foreign LangChain tool, from its JSON schema."""
    schema = tool.tool_call_schema
    fields = schema if isinstance(schema, dict) else schema.model_json_schema()
    required = set(fields.get("required", ()))
    return [
        {
            "name": name,
            "modality": "Choice" if "enum" in field else _MODALITIES.get(field.get("type", "string"), "Text"),
            "accepts": [],
            "choices": [str(value) for value in field.get("enum", ())],
            "required": name in required,
            "whole": field.get("type") == "integer",
        }
        for name, field in fields.get("properties", {}).items()
    ]
