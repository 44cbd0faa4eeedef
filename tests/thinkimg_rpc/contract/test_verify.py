"""What a request's author is told to mend."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from thinkimg_rpc.contract import ContractError, load_contracts
from thinkimg_rpc.v1.options_pb2 import Axis, FieldRule, rule

Spoil = Callable[[FileDescriptorProto], None]


def _field(file: FileDescriptorProto, name: str) -> FieldDescriptorProto:
    return next(field for field in file.message_type[0].field if field.name == name)


def _rule(file: FileDescriptorProto, name: str) -> FieldRule:
    return _field(file, name).options.Extensions[rule]


def _minimum_of_a_flag(file: FileDescriptorProto) -> None:
    _rule(file, "flag").minimum = 0


def _minimum_above_maximum(file: FileDescriptorProto) -> None:
    _rule(file, "small").minimum = 6


def _minimum_of_a_plain_number(file: FileDescriptorProto) -> None:
    _rule(file, "ratio").minimum = 0.5


def _maximum_below_what_the_type_holds(file: FileDescriptorProto) -> None:
    _rule(file, "huge").maximum = -1


def _required_plain_number(file: FileDescriptorProto) -> None:
    _rule(file, "huge").required = True


def _length_of_a_number(file: FileDescriptorProto) -> None:
    _rule(file, "ratio").max_length = 3


def _items_of_one(file: FileDescriptorProto) -> None:
    _rule(file, "mode").max_items = 3


def _axis_of_a_whole_number(file: FileDescriptorProto) -> None:
    _rule(file, "small").axis = Axis.AXIS_X


def _choices_of_numbers(file: FileDescriptorProto) -> None:
    _rule(file, "small").choices.append("1")


def _contains_itself(file: FileDescriptorProto) -> None:
    _add(file.message_type[1], ".shapes.v1.Panel")


def _contains_itself_further_down(file: FileDescriptorProto) -> None:
    _add(file.message_type[1], ".shapes.v1.ShapesRequest")


def _takes_any(file: FileDescriptorProto) -> None:
    file.dependency.append("google/protobuf/any.proto")
    _add(file.message_type[0], ".google.protobuf.Any")


def _takes_a_map(file: FileDescriptorProto) -> None:
    request, response = file.message_type[0], file.message_type[2]
    entry = request.nested_type.add()
    entry.CopyFrom(response.nested_type[1])
    _add(request, ".shapes.v1.ShapesRequest.CountsEntry", repeated=True, name="counts")


def _add(
    message: DescriptorProto, kind: str, *, repeated: bool = False, name: str = "extra"
) -> None:
    message.field.add(
        name=name,
        number=99,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=kind,
        label=FieldDescriptorProto.LABEL_REPEATED if repeated else None,
    )


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (_minimum_of_a_flag, "ShapesRequest.flag: minimum and maximum are for numbers"),
        (_minimum_above_maximum, "ShapesRequest.small: the minimum is above the maximum"),
        (_minimum_of_a_plain_number, "ratio: mark it `optional`: 0 is not allowed, but means left"),
        (_maximum_below_what_the_type_holds, "huge: the minimum is above the maximum"),
        (_required_plain_number, "huge: mark it `optional`, so that a missing value can be told"),
        (_length_of_a_number, "ratio: max_length is for string and bytes"),
        (_items_of_one, "mode: max_items is for repeated fields"),
        (_axis_of_a_whole_number, "small: axis is for double"),
        (_choices_of_numbers, "small: choices are for string; .* an enum"),
        (_contains_itself, "Panel.extra: a request cannot contain itself"),
        (_contains_itself_further_down, "Panel.extra: a request cannot contain itself"),
        (_takes_any, "extra: use plain fields, a model cannot fill google.protobuf.Any"),
        (_takes_a_map, "counts: use a repeated message, a map has no place here"),
    ],
)
def test_a_request_no_model_could_fill_says_what_to_mend(
    shapes_files: FileDescriptorSet, spoil: Spoil, remedy: str
) -> None:
    spoil(shapes_files.file[-1])
    with pytest.raises(ContractError, match=remedy):
        load_contracts(shapes_files)
