"""`ToolContract`: one tool, as its service's descriptor describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import (
    Descriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message

from thinkimg_rpc.contract.options import ContractError, tool_options
from thinkimg_rpc.contract.verify import request_problems, stream_problems
from thinkimg_rpc.v1.options_pb2 import ToolOptions

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""What the tool lists of model servers take for a function's name."""


@dataclass(frozen=True)
class ToolExample:
    """A worked example: what a call is for, and its arguments."""

    purpose: str
    arguments: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ToolContract:
    """One tool's names, words, methods and message types."""

    name: str
    aliases: tuple[str, ...]
    description: str
    examples: tuple[ToolExample, ...]
    service: str
    """"thinkimg_rpc.v1.CropService"."""
    method: str
    """"/thinkimg_rpc.v1.CropService/Crop"."""
    stream_method: str | None
    request: Descriptor
    response: Descriptor
    stream_request: Descriptor | None
    stream_response: Descriptor | None

    @classmethod
    def from_service(cls, service: ServiceDescriptor) -> ToolContract | None:
        """The tool that a service is; None if none of its unary methods has `option (tool)`.

        Raises: ContractError, saying what the tool's author has to mend.
        """
        described = ((method, tool_options(method)) for method in _unary(service))
        tools = [(method, options) for method, options in described if options]
        if not tools:
            return None
        if len(tools) > 1:
            names = ", ".join(method.name for method, _ in tools)
            raise ContractError(
                f"{service.full_name} has (tool) on {names}: give each tool a service of its own"
            )
        method, options = tools[0]
        streams = [m for m in service.methods if m.client_streaming and m.server_streaming]
        _verify(service, method, options, streams)
        stream = streams[0] if streams else None
        return cls(
            name=options.name,
            aliases=tuple(options.aliases),
            description=options.description,
            examples=tuple(
                ToolExample(example.purpose, json.loads(example.arguments))
                for example in options.examples
            ),
            service=service.full_name,
            method=_path(method),
            stream_method=_path(stream) if stream else None,
            request=method.input_type,
            response=method.output_type,
            stream_request=stream.input_type if stream else None,
            stream_response=stream.output_type if stream else None,
        )

    @classmethod
    def from_request(cls, request: Descriptor) -> ToolContract:
        """The tool whose unary method takes this message, looked for in the message's file.

        Raises: ContractError, if there is none, or it has something to mend.
        """
        for service in request.file.services_by_name.values():
            if any(method.input_type is request for method in _unary(service)):
                if contract := cls.from_service(service):
                    return contract
                raise ContractError(
                    f"{service.full_name}: write `option (thinkimg_rpc.v1.tool) = {{name: … "
                    f"description: …}};` on the method that takes {request.name}"
                )
        raise ContractError(
            f"{request.file.name}: no service has a unary method that takes {request.name}; "
            "write the service in the same file"
        )

    @property
    def request_class(self) -> type[Message]:
        """The generated class where the process has it, else one made from the descriptor."""
        return message_factory.GetMessageClass(self.request)

    @property
    def response_class(self) -> type[Message]:
        return message_factory.GetMessageClass(self.response)

    @property
    def stream_request_class(self) -> type[Message] | None:
        item = self.stream_request
        return message_factory.GetMessageClass(item) if item else None

    @property
    def stream_response_class(self) -> type[Message] | None:
        item = self.stream_response
        return message_factory.GetMessageClass(item) if item else None


def in_file(file: FileDescriptor) -> list[ToolContract]:
    """The tools whose services stand in this file, in its order."""
    found = (ToolContract.from_service(service) for service in file.services_by_name.values())
    return [contract for contract in found if contract]


def _unary(service: ServiceDescriptor) -> list[MethodDescriptor]:
    return [m for m in service.methods if not (m.client_streaming or m.server_streaming)]


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _verify(
    service: ServiceDescriptor,
    method: MethodDescriptor,
    options: ToolOptions,
    streams: Sequence[MethodDescriptor],
) -> None:
    problems = [*_option_problems(method, options), *request_problems(method.input_type)]
    if len(streams) > 1:
        names = ", ".join(stream.name for stream in streams)
        problems.append(f"{service.full_name}: keep one bidirectional method, it has {names}")
    elif streams:
        problems += stream_problems(method, streams[0])
    if problems:
        raise ContractError("; ".join(problems))


def _option_problems(method: MethodDescriptor, options: ToolOptions) -> Iterator[str]:
    where = method.full_name
    if not options.name:
        yield f"{where}: (tool).name is missing; it is what a model calls the tool by"
    for name in filter(None, [options.name, *options.aliases]):
        if not _NAME.fullmatch(name):
            yield (
                f'{where}: "{name}" is no name for a tool; '
                "start with a letter, then at most 63 letters, digits, _ or -"
            )
    if not options.description:
        yield f"{where}: (tool).description is missing; a model chooses tools by it"
    for example in options.examples:
        if not _is_json_object(example.arguments):
            yield f"{where}: the arguments of an example are no JSON object: {example.arguments}"


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
