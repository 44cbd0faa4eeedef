"""Contracts as files: what a worker sends the registry, and what a client reads back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from thinkimg_rpc.contract.options import ContractError
from thinkimg_rpc.contract.tool_contract import ToolContract, in_file


def file_descriptor_set(contracts: Iterable[ToolContract]) -> FileDescriptorSet:
    """The contracts' files with all they import, each after its imports.

    The same contracts give the same bytes, in whatever order they come.
    """
    return with_imports(
        contract.request.file.pool.FindServiceByName(contract.service).file
        for contract in sorted(contracts, key=lambda contract: contract.service)
    )


def with_imports(files: Iterable[FileDescriptor]) -> FileDescriptorSet:
    """Files with all they import, each after its imports."""
    ordered: dict[str, FileDescriptor] = {}
    for file in files:
        _collect(file, ordered)
    return FileDescriptorSet(
        file=[FileDescriptorProto.FromString(file.serialized_pb) for file in ordered.values()]
    )


def _collect(file: FileDescriptor, ordered: dict[str, FileDescriptor]) -> None:
    if file.name not in ordered:
        for imported in file.dependencies:
            _collect(imported, ordered)
        ordered[file.name] = file


def load_contracts(
    files: FileDescriptorSet, pool: DescriptorPool | None = None
) -> list[ToolContract]:
    """The tools in a descriptor set, in the order of their files' imports, then names.

    A file that this process has the generated stubs of, with all it imports, is
    taken from there, so that requests are of the generated classes. All others
    are built in `pool` (a new one if None), which may hold some of them already.

    Raises: ContractError, when a file is missing, contradicts one in the pool, or
    describes a tool that has something to mend.
    """
    pool = DescriptorPool() if pool is None else pool
    by_name = {file.name: file for file in files.file}
    names = [name for file in files.file for name in (file.name, *file.dependency)]
    if not all(isinstance(name, str) for name in names):  # proto2 gives such names as bytes
        raise ContractError("the name of a file is not UTF-8")
    generated: set[str] = set()
    contracts: list[ToolContract] = []
    for file in _imports_first(by_name):
        if _has_stubs(file, generated):
            generated.add(file.name)
        _add(file, pool)
        if file.service:
            source = descriptor_pool.Default() if file.name in generated else pool
            contracts += in_file(source.FindFileByName(file.name))
    return contracts


def _imports_first(by_name: Mapping[str, FileDescriptorProto]) -> Iterator[FileDescriptorProto]:
    done: dict[str, bool] = {}  # False while a file's imports are being visited

    def visit(name: str, wanted_by: str) -> Iterator[FileDescriptorProto]:
        if name in done:
            if not done[name]:
                raise ContractError(f"{name} imports itself, through {wanted_by}")
            return
        if name not in by_name:
            raise ContractError(f"{wanted_by} imports {name}, which was not sent along")
        done[name] = False
        for imported in sorted(by_name[name].dependency):
            yield from visit(imported, name)
        done[name] = True
        yield by_name[name]

    for name in sorted(by_name):
        yield from visit(name, "")


def _has_stubs(file: FileDescriptorProto, generated: set[str]) -> bool:
    """Whether the process has this very file, and all it imports, among its generated stubs."""
    try:
        ours = descriptor_pool.Default().FindFileByName(file.name)
    except KeyError:
        return False
    if file.name.startswith("google/"):
        return True  # these differ between releases of protobuf, but never in what they mean
    if not generated.issuperset(file.dependency):
        return False
    return _essence(FileDescriptorProto.FromString(ours.serialized_pb)) == _essence(file)


def _essence(file: FileDescriptorProto) -> FileDescriptorProto:
    """A file without what compilers add or drop as they please."""
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    messages = list(bare.message_type)
    while messages:
        message = messages.pop()
        messages += message.nested_type
        for field in [*message.field, *message.extension]:
            field.ClearField("json_name")
    for extension in bare.extension:
        extension.ClearField("json_name")
    return bare


def _add(file: FileDescriptorProto, pool: DescriptorPool) -> None:
    try:
        pool.Add(file)
    except TypeError as error:
        raise ContractError(f"{file.name} cannot be used: {error}") from error
