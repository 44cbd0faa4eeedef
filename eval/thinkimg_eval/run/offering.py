"""Which tools a policy is told of."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract.tool_contract import ToolContract

NO_TOOLS = "none"


async def offered(asked: Sequence[str], of_task: Sequence[str], mesh: Mesh) -> list[ToolContract]:
    """Those asked for, else those of the task, else all that the mesh has; with "none", none.

    Raises: UnknownTool, when the mesh lacks one of them.
    """
    if list(asked) == [NO_TOOLS]:
        return []
    names = asked or of_task
    return [await mesh.contract(name) for name in names] or await mesh.contracts()
