"""What a tool's descriptors say about it."""

from __future__ import annotations

from thinkimg_rpc.contract.files import file_descriptor_set, load_contracts
from thinkimg_rpc.contract.names import resolve, unknown_tool
from thinkimg_rpc.contract.options import ContractError
from thinkimg_rpc.contract.tool_contract import ToolContract, ToolExample, in_file

__all__ = [
    "ContractError",
    "ToolContract",
    "ToolExample",
    "file_descriptor_set",
    "in_file",
    "load_contracts",
    "resolve",
    "unknown_tool",
]
