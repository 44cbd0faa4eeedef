"""Contracts for tests: the built-in tools, and one that the process has no stubs for."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from thinkimg_rpc.contract import ToolContract, file_descriptor_set, load_contracts
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import CropRequest, DrawHorizontalLineByYRequest, OCRRequest

SHAPES = Path(__file__).with_name("shapes.txtpb")


@pytest.fixture(scope="session")
def crop() -> ToolContract:
    return ToolContract.from_request(CropRequest.DESCRIPTOR)


@pytest.fixture(scope="session")
def draw() -> ToolContract:
    return ToolContract.from_request(DrawHorizontalLineByYRequest.DESCRIPTOR)


@pytest.fixture(scope="session")
def ocr() -> ToolContract:
    return ToolContract.from_request(OCRRequest.DESCRIPTOR)


@pytest.fixture(scope="session")
def echo() -> ToolContract:
    return ToolContract.from_request(EchoRequest.DESCRIPTOR)


@pytest.fixture
def shapes_files(draw: ToolContract, ocr: ToolContract) -> FileDescriptorSet:
    """The files of a tool with every kind of field, and of no other tool."""
    files = file_descriptor_set([draw, ocr])
    imported = [file for file in files.file if not file.service]
    shapes = text_format.Parse(SHAPES.read_text(), FileDescriptorProto())
    return FileDescriptorSet(file=[*imported, shapes])


@pytest.fixture(scope="session")
def shapes(draw: ToolContract, ocr: ToolContract) -> ToolContract:
    """A tool with every kind of field, which the process has no generated classes of."""
    files = file_descriptor_set([draw, ocr])
    shapes = text_format.Parse(SHAPES.read_text(), FileDescriptorProto())
    imported = [file for file in files.file if not file.service]
    (contract,) = load_contracts(FileDescriptorSet(file=[*imported, shapes]))
    return contract
