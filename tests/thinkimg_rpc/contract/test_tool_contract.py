"""What is read from a service's descriptors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from thinkimg_rpc.contract import (
    ContractError,
    ToolContract,
    file_descriptor_set,
    in_file,
    load_contracts,
)
from thinkimg_rpc.v1 import (
    CropRequest,
    CropResponse,
    CropStreamRequest,
    CropStreamResponse,
    ListWorkersRequest,
    registry_pb2,
)
from thinkimg_rpc.v1.crop_pb2 import DESCRIPTOR as CROP_FILE
from thinkimg_rpc.v1.options_pb2 import tool

Spoil = Callable[[FileDescriptorProto], None]


def test_a_tool_is_found_through_its_request(crop: ToolContract) -> None:
    assert crop.name == "Crop"
    assert crop.aliases == ("crop",)
    assert crop.description.startswith("Cut a rectangular region")
    assert crop.service == "thinkimg_rpc.v1.CropService"
    assert crop.method == "/thinkimg_rpc.v1.CropService/Crop"
    assert crop.stream_method == "/thinkimg_rpc.v1.CropService/CropStream"
    assert crop.examples[0].purpose.startswith("look at the legend")
    assert crop.examples[0].arguments["scale"] == 2


def test_its_messages_are_of_the_generated_classes(crop: ToolContract) -> None:
    assert crop.request_class is CropRequest
    assert crop.response_class is CropResponse
    assert crop.stream_request_class is CropStreamRequest
    assert crop.stream_response_class is CropStreamResponse


def test_the_same_service_gives_an_equal_contract_that_can_key_a_cache(crop: ToolContract) -> None:
    (again,) = in_file(CROP_FILE)
    assert again == crop
    assert {again: "cached"}[crop] == "cached"


def test_a_service_without_the_tool_option_is_no_tool() -> None:
    (registry,) = registry_pb2.DESCRIPTOR.services_by_name.values()
    assert ToolContract.from_service(registry) is None
    assert in_file(registry_pb2.DESCRIPTOR) == []


def test_a_tool_may_do_without_a_stream(shapes: ToolContract) -> None:
    assert shapes.stream_method is None
    assert shapes.stream_request_class is None
    assert shapes.stream_response_class is None


def test_a_request_of_a_service_without_the_option_is_told_to_add_it() -> None:
    with pytest.raises(ContractError, match=r"RegistryService: write `option .*ListWorkersRequest"):
        ToolContract.from_request(ListWorkersRequest.DESCRIPTOR)


def test_a_message_no_service_takes_is_told_to_write_one() -> None:
    with pytest.raises(ContractError, match=r"crop.proto: no service .* takes CropResponse"):
        ToolContract.from_request(CropResponse.DESCRIPTOR)


def _no_name(file: FileDescriptorProto) -> None:
    file.service[0].method[0].options.Extensions[tool].name = ""


def _odd_name(file: FileDescriptorProto) -> None:
    file.service[0].method[0].options.Extensions[tool].name = "crop it"


def _odd_alias(file: FileDescriptorProto) -> None:
    file.service[0].method[0].options.Extensions[tool].aliases.append("2crop")


def _no_description(file: FileDescriptorProto) -> None:
    file.service[0].method[0].options.Extensions[tool].description = ""


def _example_is_a_list(file: FileDescriptorProto) -> None:
    file.service[0].method[0].options.Extensions[tool].examples.add(arguments="[1]")


def _example_is_not_json(file: FileDescriptorProto) -> None:
    file.service[0].method[0].options.Extensions[tool].examples.add(arguments="{x: 1}")


def _two_tools(file: FileDescriptorProto) -> None:
    second = file.service[0].method.add()
    second.CopyFrom(file.service[0].method[0])
    second.name = "Crop2"


def _two_streams(file: FileDescriptorProto) -> None:
    second = file.service[0].method.add()
    second.CopyFrom(file.service[0].method[1])
    second.name = "CropStream2"


def _stream_without_request_id(file: FileDescriptorProto) -> None:
    _message(file, "CropStreamRequest").field[0].name = "id"


def _stream_with_timeout_in_milliseconds(file: FileDescriptorProto) -> None:
    _message(file, "CropStreamRequest").field[1].type = FieldDescriptorProto.TYPE_INT32


def _stream_of_another_request(file: FileDescriptorProto) -> None:
    _message(file, "CropStreamRequest").field[2].type_name = ".thinkimg_rpc.v1.CropResponse"


def _stream_without_cancel(file: FileDescriptorProto) -> None:
    del _message(file, "CropStreamRequest").field[3]


def _request_and_cancel_at_once(file: FileDescriptorProto) -> None:
    message = _message(file, "CropStreamRequest")
    for field in message.field:
        field.ClearField("oneof_index")
    del message.oneof_decl[:]


def _stream_with_error_text(file: FileDescriptorProto) -> None:
    error = _message(file, "CropStreamResponse").field[2]
    error.type = FieldDescriptorProto.TYPE_STRING
    error.ClearField("type_name")


def _message(file: FileDescriptorProto, name: str) -> DescriptorProto:
    return next(message for message in file.message_type if message.name == name)


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (_no_name, r"CropService.Crop: \(tool\).name is missing"),
        (_odd_name, 'CropService.Crop: "crop it" is no name for a tool; start with a letter'),
        (_odd_alias, 'CropService.Crop: "2crop" is no name for a tool'),
        (_no_description, r"CropService.Crop: \(tool\).description is missing"),
        (_example_is_a_list, r"an example are no JSON object: \[1\]"),
        (_example_is_not_json, r"an example are no JSON object: \{x: 1\}"),
        (_two_tools, r"CropService has \(tool\) on Crop, Crop2: give each tool a service"),
        (
            _two_streams,
            "keep one bidirectional method, it has CropStream, CropStream2",
        ),
        (_stream_without_request_id, "CropStreamRequest: needs `string request_id`"),
        (_stream_with_timeout_in_milliseconds, "CropStreamRequest: needs `double timeout_s`"),
        (_stream_of_another_request, "needs a oneof with `thinkimg_rpc.v1.CropRequest request;"),
        (_stream_without_cancel, "thinkimg_rpc.v1.StreamCancel cancel;`"),
        (_request_and_cancel_at_once, "CropStreamRequest: needs a oneof with"),
        (
            _stream_with_error_text,
            "CropStreamResponse: needs a oneof .*google.rpc.Status error",
        ),
    ],
)
def test_a_contract_with_something_to_mend_says_what(
    crop: ToolContract, spoil: Spoil, remedy: str
) -> None:
    files = file_descriptor_set([crop])
    spoil(files.file[-1])
    with pytest.raises(ContractError, match=remedy):
        load_contracts(files)


def test_all_there_is_to_mend_is_said_at_once(crop: ToolContract) -> None:
    files = file_descriptor_set([crop])
    for spoil in (_no_name, _no_description, _stream_without_cancel):
        spoil(files.file[-1])
    with pytest.raises(ContractError, match=r"name is missing.*description is missing.*cancel"):
        load_contracts(files)
