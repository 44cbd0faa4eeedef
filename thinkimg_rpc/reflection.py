"""gRPC server reflection over contracts that may join and leave while it serves.

The reflection of `grpc_reflection` reads one descriptor pool, and a pool can
never replace a file; so this one answers from plain file descriptors. v1 and
v1alpha have the same messages on the wire, and both names are served.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2 import (
    ErrorResponse,
    ExtensionNumberResponse,
    FileDescriptorResponse,
    ListServiceResponse,
    ServerReflectionRequest,
    ServerReflectionResponse,
    ServiceResponse,
)

from thinkimg_rpc.contract.files import with_imports

SERVICE_NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


class FileIndex:
    """File descriptors by name, and by the full name of every symbol they define."""

    def __init__(self) -> None:
        self._files: dict[str, FileDescriptorProto] = {}
        self._serialized: dict[str, bytes] = {}
        self._by_symbol: dict[str, str] = {}
        self._extensions: dict[tuple[str, int], str] = {}

    def add(self, files: Iterable[FileDescriptorProto]) -> None:
        """Add files; one of a name already known replaces it."""
        for file in files:
            serialized = file.SerializeToString(deterministic=True)
            if self._serialized.get(file.name) == serialized:
                continue
            self._files[file.name] = file
            self._serialized[file.name] = serialized
            for symbol in _symbols(file):
                self._by_symbol[symbol] = file.name
            for extension in file.extension:
                key = (extension.extendee.lstrip("."), extension.number)
                self._extensions[key] = file.name

    def add_with_imports(self, *files: FileDescriptor) -> None:
        """Add files of this process, and all they import."""
        self.add(with_imports(files).file)

    def file_of_symbol(self, symbol: str) -> str | None:
        return self._by_symbol.get(symbol)

    def file_of_extension(self, message: str, number: int) -> str | None:
        return self._extensions.get((message, number))

    def extension_numbers(self, message: str) -> list[int]:
        return sorted(number for name, number in self._extensions if name == message)

    def with_imports(self, name: str) -> list[bytes]:
        """A file and all it imports, serialized; empty if the file is not known."""
        wanted, found = [name], dict[str, bytes]()
        while wanted:
            current = wanted.pop()
            if current in self._files and current not in found:
                found[current] = self._serialized[current]
                wanted += self._files[current].dependency
        return list(found.values())


class Reflection:
    """The reflection service over a `FileIndex` and the services served right now."""

    def __init__(self, files: FileIndex, services: Callable[[], Iterable[str]]) -> None:
        files.add(_own_files())
        # An item of a stream carries its error's details as an Any, which a client
        # that knows our contracts by reflection alone must look up to print.
        files.add_with_imports(error_details_pb2.DESCRIPTOR)
        self._files = files
        self._services = services

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve both versions of the reflection service."""
        method = grpc.stream_stream_rpc_method_handler(
            self._answer_all,
            request_deserializer=ServerReflectionRequest.FromString,
            response_serializer=ServerReflectionResponse.SerializeToString,
        )
        for name in SERVICE_NAMES:
            handler = grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": method})
            server.add_generic_rpc_handlers((handler,))

    async def _answer_all(
        self,
        requests: AsyncIterator[ServerReflectionRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[ServerReflectionResponse]:
        async for request in requests:
            answer = self._answer(request)
            answer.valid_host = request.host
            answer.original_request.CopyFrom(request)
            yield answer

    def _answer(self, request: ServerReflectionRequest) -> ServerReflectionResponse:
        match request.WhichOneof("message_request"):
            case "list_services":
                names = sorted({*self._services(), *SERVICE_NAMES})
                services = [ServiceResponse(name=name) for name in names]
                return ServerReflectionResponse(
                    list_services_response=ListServiceResponse(service=services)
                )
            case "file_by_filename":
                return self._file(request.file_by_filename, request.file_by_filename)
            case "file_containing_symbol":
                symbol = request.file_containing_symbol
                return self._file(self._files.file_of_symbol(symbol), symbol)
            case "file_containing_extension":
                wanted = request.file_containing_extension
                file = self._files.file_of_extension(
                    wanted.containing_type, wanted.extension_number
                )
                return self._file(file, f"extension {wanted.extension_number}")
            case "all_extension_numbers_of_type":
                return self._extension_numbers(request.all_extension_numbers_of_type)
            case _:
                return _error(grpc.StatusCode.INVALID_ARGUMENT, "unknown reflection request")

    def _file(self, name: str | None, asked_for: str) -> ServerReflectionResponse:
        files = self._files.with_imports(name) if name is not None else []
        if not files:
            return _error(grpc.StatusCode.NOT_FOUND, f"{asked_for} is not served here")
        return ServerReflectionResponse(
            file_descriptor_response=FileDescriptorResponse(file_descriptor_proto=files)
        )

    def _extension_numbers(self, message: str) -> ServerReflectionResponse:
        if self._files.file_of_symbol(message) is None:
            return _error(grpc.StatusCode.NOT_FOUND, f"{message} is not served here")
        numbers = ExtensionNumberResponse(
            base_type_name=message, extension_number=self._files.extension_numbers(message)
        )
        return ServerReflectionResponse(all_extension_numbers_response=numbers)


def _own_files() -> list[FileDescriptorProto]:
    """The contract of reflection itself, which clients look up like any other they see listed.

    v1 is v1alpha with another package; the installed package has only v1alpha.
    """
    alpha = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    stable = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    stable.name, stable.package = _stable(alpha.name), _stable(alpha.package)
    for message in stable.message_type:
        for field in message.field:
            field.type_name = _stable(field.type_name)
    for method in stable.service[0].method:
        method.input_type, method.output_type = map(
            _stable, (method.input_type, method.output_type)
        )
    return [alpha, stable]


def _stable(name: str) -> str:
    return name.replace("v1alpha", "v1")


def _error(code: grpc.StatusCode, message: str) -> ServerReflectionResponse:
    return ServerReflectionResponse(
        error_response=ErrorResponse(error_code=code.value[0], error_message=message)
    )


def _symbols(file: FileDescriptorProto) -> Iterable[str]:
    prefix = f"{file.package}." if file.package else ""
    for service in file.service:
        yield prefix + service.name
        yield from (f"{prefix}{service.name}.{method.name}" for method in service.method)
    for message in file.message_type:
        yield from _message_symbols(prefix, message)
    for enum in file.enum_type:
        yield prefix + enum.name
    for extension in file.extension:
        yield prefix + extension.name


def _message_symbols(prefix: str, message: Any) -> Iterable[str]:
    name = prefix + message.name
    yield name
    yield from (f"{name}.{enum.name}" for enum in message.enum_type)
    for nested in message.nested_type:
        yield from _message_symbols(f"{name}.", nested)
