"""Contracts sent as descriptor sets, and read back."""

from __future__ import annotations

import itertools
import re

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from thinkimg_rpc.arguments import build_request
from thinkimg_rpc.contract import ContractError, ToolContract, file_descriptor_set, load_contracts
from thinkimg_rpc.rules import violations
from thinkimg_rpc.v1 import CropRequest, Image


def test_each_file_comes_after_what_it_imports(crop: ToolContract, echo: ToolContract) -> None:
    seen: set[str] = set()
    for file in file_descriptor_set([crop, echo]).file:
        assert seen.issuperset(file.dependency)
        seen.add(file.name)
    assert {"thinkimg_rpc/v1/crop.proto", "thinkimg_rpc/testing/v1/echo.proto"} <= seen


def test_the_same_contracts_give_the_same_bytes_in_any_order(
    crop: ToolContract, ocr: ToolContract, echo: ToolContract
) -> None:
    sets = (file_descriptor_set(order) for order in itertools.permutations([crop, ocr, echo]))
    assert len({files.SerializeToString(deterministic=True) for files in sets}) == 1


def test_tools_the_process_has_stubs_for_come_back_as_the_generated_classes(
    crop: ToolContract, ocr: ToolContract
) -> None:
    sent = file_descriptor_set([crop, ocr]).SerializeToString()
    loaded = load_contracts(FileDescriptorSet.FromString(sent))
    assert loaded == [crop, ocr]
    assert loaded[0].request_class is CropRequest


def test_what_compilers_add_to_a_file_does_not_make_it_another(crop: ToolContract) -> None:
    files = file_descriptor_set([crop])
    for file in files.file:
        file.source_code_info.location.add(leading_comments="from buf")
        for message in file.message_type:
            for field in message.field:
                field.json_name = re.sub("_([a-z0-9])", lambda m: m[1].upper(), field.name)
    assert load_contracts(files) == [crop]


def test_another_release_of_protobuf_on_the_other_side_does_not_matter(
    crop: ToolContract,
) -> None:
    files = file_descriptor_set([crop])
    descriptor = next(f for f in files.file if f.name == "google/protobuf/descriptor.proto")
    descriptor.message_type.add(name="OfALaterRelease")
    assert load_contracts(files) == [crop]


def test_a_tool_without_stubs_can_be_called_as_well(shapes: ToolContract) -> None:
    arguments = {"mode": "exact", "points": [{"x": 1.5, "y": 2}]}
    request = build_request(shapes, arguments, {"img_1": Image(data=b"pixels")})
    again = shapes.request_class.FromString(request.SerializeToString())
    assert again == request
    assert "pixels" in str(again)


def test_its_options_are_read_though_it_comes_from_another_pool(shapes: ToolContract) -> None:
    assert shapes.aliases == ("shapes",)
    fields = [violation.field for violation in violations(shapes.request_class())]
    assert fields == ["image", "points", "mode"]


def test_it_can_be_sent_on(shapes: ToolContract) -> None:
    (again,) = load_contracts(file_descriptor_set([shapes]))
    assert (again.name, again.method) == (shapes.name, shapes.method)


def test_a_tool_that_imports_something_changed_is_built_apart_from_the_stubs(
    crop: ToolContract, echo: ToolContract
) -> None:
    files = file_descriptor_set([crop, echo])
    geometry = next(f for f in files.file if f.name == "thinkimg_rpc/v1/geometry.proto")
    geometry.message_type[1].field.add(name="angle", number=5, type=1, label=1)
    loaded = {contract.name: contract for contract in load_contracts(files)}
    assert loaded["Echo"] == echo
    assert loaded["Crop"].request_class is not CropRequest
    box = loaded["Crop"].request.fields_by_name["box"].message_type
    assert box is not None
    assert "angle" in box.fields_by_name


def test_a_pool_that_holds_some_files_already_takes_the_rest(
    crop: ToolContract, shapes_files: FileDescriptorSet
) -> None:
    pool = DescriptorPool()
    load_contracts(file_descriptor_set([crop]), pool)
    (shapes,) = load_contracts(shapes_files, pool)
    assert shapes.request.file.pool is pool


def test_a_missing_import_is_named(crop: ToolContract) -> None:
    files = file_descriptor_set([crop])
    files.file.remove(next(f for f in files.file if f.name == "thinkimg_rpc/v1/image.proto"))
    with pytest.raises(ContractError, match=r"crop.proto imports .*image.proto, .* not sent along"):
        load_contracts(files)


def test_files_that_import_each_other_are_refused(shapes_files: FileDescriptorSet) -> None:
    shapes_files.file[-1].dependency.append("shapes/v1/shapes.proto")
    with pytest.raises(ContractError, match=r"shapes.proto imports itself"):
        load_contracts(shapes_files)


def test_a_file_that_cannot_be_built_is_named(shapes_files: FileDescriptorSet) -> None:
    shapes_files.file[-1].message_type[0].field[0].type_name = ".nowhere.Image"
    with pytest.raises(ContractError, match=r"^shapes/v1/shapes.proto cannot be used"):
        load_contracts(shapes_files)


def test_a_file_that_contradicts_the_pool_is_named(shapes_files: FileDescriptorSet) -> None:
    pool = DescriptorPool()
    load_contracts(shapes_files, pool)
    shapes_files.file[-1].message_type[1].name = "Pane"
    for field in shapes_files.file[-1].message_type[0].field:
        field.type_name = field.type_name.replace(".Panel", ".Pane")
    with pytest.raises(ContractError, match=r"^shapes/v1/shapes.proto cannot be used"):
        load_contracts(shapes_files, pool)
