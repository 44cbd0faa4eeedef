"""The protobuf compiler, in a virtual environment of its own.

The compiler's version decides which protobuf runtimes the stubs work with:
what grpcio-tools 1.80.1 writes runs on protobuf 6.31 and on 7. The project's
own environment is free to hold a newer one, so the two are kept apart.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
FOREIGN = "thinkimg_rpc/hub/etcd/"
BUILD = ROOT / "build"
ENVIRONMENT = BUILD / "proto-environment"
STAMP = ENVIRONMENT / "requirements.txt"
REQUIREMENTS = (
    "grpcio-tools==1.80.1",
    "protobuf==6.33.6",
    "mypy-protobuf==5.1.0",
    "googleapis-common-protos==1.76.0",
    # grpcio-tools imports pkg_resources, which later releases no longer have.
    "setuptools<81",
)


def compiler_python() -> Path:
    """The interpreter of the compiler's environment, which is made if need be."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "proto-environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current():
            _make_environment()
    return ENVIRONMENT / "bin" / "python"


def _is_current() -> bool:
    return STAMP.exists() and STAMP.read_text() == "\n".join(REQUIREMENTS)


def _make_environment() -> None:
    print(f"making {ENVIRONMENT.relative_to(ROOT)}", file=sys.stderr)
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *REQUIREMENTS], check=True)
    STAMP.write_text("\n".join(REQUIREMENTS))


def include_folders() -> list[Path]:
    """Where imports are looked up: ours, then google/rpc as its package ships it."""
    site_packages = next((ENVIRONMENT / "lib").glob("python*/site-packages"))
    return [PROTOS, site_packages]


def our_protos() -> list[str]:
    """Every proto of our contract, relative to the include folder, sorted."""
    return [name for name in _all_protos() if not name.startswith(FOREIGN)]


def foreign_protos() -> list[str]:
    """Parts of others' contracts that our own processes speak; nobody else needs stubs of them."""
    return [name for name in _all_protos() if name.startswith(FOREIGN)]


def _all_protos() -> list[str]:
    return sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))


def require_program(name: str, remedy: str) -> None:
    """Stop with one line if a program that a generator needs is missing."""
    if shutil.which(name) is None:
        sys.exit(f"{name} is not on the PATH: {remedy}")


def run_protoc(arguments: list[str], files: list[str]) -> None:
    """Run protoc over `files`; what it complains about goes to the terminal."""
    python = compiler_python()
    plugins = ENVIRONMENT / "bin"
    subprocess.run(
        [
            str(python),
            "-W",
            "ignore",
            "-m",
            "grpc_tools.protoc",
            *(f"-I{folder}" for folder in include_folders()),
            *arguments,
            *files,
        ],
        check=True,
        env=os.environ | {"PATH": f"{plugins}{os.pathsep}{os.environ['PATH']}"},
    )
