"""Functions of a user's own, which a configuration names as path/to/file.py:function."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from thinkimg_rpc.errors import InvalidRequest


def is_own(name: str) -> bool:
    """Whether a name is that of a function in a file."""
    return name.rpartition(":")[0].endswith(".py")


@lru_cache(maxsize=64)
def own_function(name: str, field: str) -> Callable[..., Any]:
    """The function; the file is run once. Raises: InvalidRequest, naming `field`."""
    file, _, function = name.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InvalidRequest.field(field, f"there is no file {path}")
    module_name = f"thinkimg_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses and pickles of that file look for themselves.
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    found: Any = getattr(module, function, None)
    if not callable(found):
        raise InvalidRequest.field(field, f"{path} has no function {function}")
    made: Callable[..., Any] = found
    return made
