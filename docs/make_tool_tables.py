"""Writes the tables of docs/tools.md, from the tools' contracts and their choice of backends.

    .venv/bin/python docs/make_tool_tables.py

Each stands between two comments: `<!-- arguments of NAME: begin -->` and `... end -->`,
and the same with "backends".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.schema import json_schema
from thinkimg_rpc.serve.config import DEFAULT_CONFIG, load_config
from thinkimg_rpc.tool import Tool, load_tool
from thinkimg_workers.backends import Backend, choices_of
from thinkimg_workers.weights import weights_table

PAGE = Path(__file__).with_name("tools.md")
_TABLE = re.compile(
    r"(?P<begin><!-- (?P<what>arguments|backends) of (?P<tool>\w+): begin -->\n)"
    r".*?"
    r"(?P<end><!-- (?P=what) of (?P=tool): end -->)",
    re.DOTALL,
)
_PARTS = {("x0", "y0", "x1", "y1"): ("box", "boxes"), ("x", "y"): ("point", "points")}


def with_tables(page: str) -> str:
    """The page with today's tables."""
    tools = shipped_tools()

    def table(found: re.Match[str]) -> str:
        make = arguments_table if found["what"] == "arguments" else backends_table
        return f"{found['begin']}{make(tools[found['tool']])}{found['end']}"

    return _TABLE.sub(table, page)


def shipped_tools() -> dict[str, type[Tool[Any, Any]]]:
    """The tools of the shipped mesh, by name."""
    named = [tool for worker in load_config(DEFAULT_CONFIG).worker for tool in worker.tools]
    return {tool.contract().name: tool for tool in map(load_tool, named)}


def arguments_table(tool: type[Tool[Any, Any]]) -> str:
    """What a tool takes, as a Markdown table."""
    schema = json_schema(ToolContract.from_request(tool.contract().request))
    rows = ["| argument | is | |", "|---|---|---|"]
    for name, field in schema["properties"].items():
        words = _kind(field) + (", required" if name in schema["required"] else "")
        rows.append(f"| `{name}` | {words} | {field.get('description', '')} |")
    return "\n".join(rows) + "\n"


def backends_table(tool: type[Tool[Any, Any]]) -> str:
    """What may compute a tool's answers, best first, as a Markdown table."""
    rows = ["| `backend` | needs | weights |", "|---|---|---|"]
    rows += [f"| `{one.name}` | {_needs(one)} | {_weights(one)} |" for one in choices_of(tool)]
    return "\n".join(rows) + "\n"


def _kind(field: dict[str, Any], *, many: bool = False) -> str:
    if field["type"] == "array":
        most = f"up to {field['maxItems']} " if "maxItems" in field else ""
        return f"{most}{_kind(field['items'], many=True)}"
    if field["type"] == "object":
        return _PARTS[tuple(field["properties"])][many]
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    if "maxLength" in field:
        return f"text, up to {field['maxLength']:,} characters"
    if "minimum" in field and "maximum" in field:
        return f"{field['type']}, {field['minimum']:,} to {field['maximum']:,}"
    if "minimum" in field:
        return f"{field['type']}, at least {field['minimum']:,}"
    return "image" if field["type"] == "string" else str(field["type"])


def _needs(backend: Backend) -> str:
    if backend.asks_endpoint:
        return "an OpenAI-compatible server, named in `endpoint`"
    return ", ".join(f"`{module}`" for module in backend.modules) or "nothing more"


def _weights(backend: Backend) -> str:
    table = weights_table()
    told = (f"`{name}`, {table[name].size_mb:,} MB" for name in backend.entries())
    return "; ".join(told) or "none"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
