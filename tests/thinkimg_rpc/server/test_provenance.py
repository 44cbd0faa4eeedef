"""Every response says what computed it, without the tool's doing."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import load_contracts
from thinkimg_rpc.server.provenance import nested, signatures
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import (
    Image,
    OCRRequest,
    OCRResponse,
    OCRStreamResponse,
    Provenance,
    TextSpan,
)

from ...mesh_fixtures import WAYS_IN, call_in_stream, call_unary, channel_to, png, served


class Reader(Tool[OCRRequest, OCRResponse]):
    """Hands out one response again and again."""

    version = "7"
    answer = OCRResponse(spans=[TextSpan(text="one")])

    def setup(self) -> None:
        self.backend = "eyes 1.0"

    def run(self, request: OCRRequest, call: Call) -> OCRResponse:
        return self.answer


REQUEST = OCRRequest(image=Image(data=png()))
SIGNED = Provenance(backend="eyes 1.0", version="7")


@pytest.mark.parametrize("way_in", WAYS_IN)
async def test_a_response_names_the_backend_that_its_setup_chose(way_in: str) -> None:
    contract = Reader.contract()
    async with served([Reader]) as mesh, channel_to(mesh.way_in(way_in)) as channel:
        unary = await call_unary(channel, contract, REQUEST.SerializeToString())
        streamed = await call_in_stream(channel, contract, REQUEST)

    assert unary == streamed
    assert unary.answered_by == SIGNED
    assert [span.text for span in unary.spans] == ["one"]


async def test_a_response_that_a_tool_keeps_is_not_written_to() -> None:
    async with Mesh.local([Reader]) as mesh:
        assert (await mesh.ocr(REQUEST)).answered_by == SIGNED

    assert not Reader.answer.HasField("answered_by")


async def test_a_response_without_a_place_for_it_stays_as_it_is() -> None:
    async with Mesh.local([Echo]) as mesh:
        assert (await mesh.send(EchoRequest(text="same"))).text == "same"

    assert signatures(Echo.contract(), Echo()) == (b"", b"")


def test_the_field_is_found_by_its_type_whatever_it_is_called(
    shapes_files: FileDescriptorSet,
) -> None:
    shapes = shapes_files.file[-1]
    shapes.dependency.append("thinkimg_rpc/v1/provenance.proto")
    response = next(kind for kind in shapes.message_type if kind.name == "ShapesResponse")
    response.field.add(
        name="made_by",
        number=77,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=".thinkimg_rpc.v1.Provenance",
    )
    (contract,) = load_contracts(shapes_files)
    tool: Tool[Any, Any] = Reader()

    computed, cached = signatures(contract, tool)
    made: Any = contract.response_class
    assert made.FromString(computed).made_by.version == "7"
    assert not made.FromString(computed).made_by.cached
    assert made.FromString(cached).made_by.cached


@given(text=st.text(max_size=400), request_id=st.text(min_size=1, max_size=5))
def test_a_stream_item_put_together_from_bytes_is_what_protobuf_writes(
    text: str, request_id: str
) -> None:
    response = OCRResponse(spans=[TextSpan(text=text)])
    raw = response.SerializeToString()
    number = OCRStreamResponse.DESCRIPTOR.fields_by_name["response"].number
    together = OCRStreamResponse(request_id=request_id).SerializeToString()
    together += nested(number, len(raw)) + raw

    expected = OCRStreamResponse(request_id=request_id, response=response)
    assert together == expected.SerializeToString()


def test_high_field_numbers_take_more_bytes() -> None:
    # Field 2047 is the last whose key takes two bytes.
    assert len(nested(15, 0)) == 2
    assert nested(2047, 300) == bytes([0xFA, 0x7F, 0xAC, 0x02])


def test_an_empty_response_is_still_a_response() -> None:
    number = OCRStreamResponse.DESCRIPTOR.fields_by_name["response"].number
    answer = OCRStreamResponse.FromString(nested(number, 0))

    assert answer.WhichOneof("outcome") == "response"
