"""The protobuf compiler, and our contracts in the form it can import.

The compiler's version decides which protobuf runtimes its stubs work with:
what grpcio-tools 1.80.1 writes runs on protobuf 6.31 and on 7. A project's own
environment is free to hold another one, so by default the two are kept apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.util
import os
import pkgutil
import subprocess
import sys
import venv
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import error_details_pb2, status_pb2

import thinkimg_rpc.v1
from thinkimg_rpc.contract.files import with_imports
from thinkimg_rpc.settings import CannotStart

REQUIREMENTS = (
    "grpcio-tools==1.80.1",
    "protobuf==6.33.6",
    "mypy-protobuf==5.1.0",
    # grpcio-tools imports pkg_resources, which later releases no longer have.
    "setuptools<81",
)


def compiler() -> tuple[Path, dict[str, str]]:
    """The interpreter that has the compiler, and the environment to run it in.

    Raises: CannotStart, when the compiler has to be installed and cannot be.
    """
    if importlib.util.find_spec("grpc_tools") and importlib.util.find_spec("mypy_protobuf"):
        python = Path(sys.executable)
    else:
        python = _own_environment() / "bin" / "python"
    # protoc looks for its plugins, protoc-gen-mypy and so on, on the path.
    return python, os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}


def our_descriptors() -> FileDescriptorSet:
    """All that a tool's .proto may import from here, each file after its imports."""
    modules = [
        importlib.import_module(f"{thinkimg_rpc.v1.__name__}.{module.name}")
        for module in pkgutil.iter_modules(thinkimg_rpc.v1.__path__)
        if module.name.endswith("_pb2")
    ]
    return with_imports(module.DESCRIPTOR for module in (*modules, status_pb2, error_details_pb2))


def _own_environment() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "thinkimg"
    text = "\n".join((sys.version.split()[0], *REQUIREMENTS))
    folder = cache / f"protoc-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    stamp = folder / "requirements.txt"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Two runs at once must not build the same environment over each other.
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not stamp.exists():
                _install(folder)
                stamp.write_text(text)
    except OSError as error:
        raise CannotStart(f"cannot write into {cache}: {error.strerror}") from error
    return folder


def _install(folder: Path) -> None:
    print(f"installing the protobuf compiler into {folder}, once", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    finished = subprocess.run(
        [*pip, "install", "--quiet", *REQUIREMENTS], capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        last = (finished.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise CannotStart(
            f"cannot install the protobuf compiler: {last}; or install it beside thinkimg-rpc: "
            "pip install grpcio-tools mypy-protobuf"
        )
