"""`thinkimg schema`: tools as a model is told of them."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from thinkimg_rpc.cli.connection import (
    DEFAULT_ADDRESS,
    Address,
    TlsCa,
    TlsCert,
    TlsKey,
    open_mesh,
    tls_settings,
)


class Format(StrEnum):
    """How tools are written down."""

    OPENAI = "openai"
    JSONSCHEMA = "jsonschema"
    PROMPT = "prompt"


def schema(
    tool: Annotated[
        str | None, typer.Argument(metavar="TOOL", help="One tool; all if left out.")
    ] = None,
    format: Annotated[
        Format,
        typer.Option(
            help="openai: the `tools` list of a chat request. jsonschema: the schema of the "
            "arguments. prompt: plain text for a system prompt."
        ),
    ] = Format.OPENAI,
    address: Address = DEFAULT_ADDRESS,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Print what a model needs to call the tools."""
    from thinkimg_rpc.contract import resolve
    from thinkimg_rpc.schema import json_schema, openai_tools, prompt_text

    with open_mesh(address, tls_settings(tls_ca, tls_cert, tls_key)) as mesh:
        contracts = mesh.contracts()
    if tool is not None:
        contracts = [resolve(tool, contracts)]
    if format is Format.PROMPT:
        print(prompt_text(contracts))
        return
    described: object = openai_tools(contracts)
    if format is Format.JSONSCHEMA:
        schemas = {contract.name: json_schema(contract) for contract in contracts}
        described = schemas if tool is None else json_schema(contracts[0])
    print(json.dumps(described, indent=2, ensure_ascii=False))
