"""`thinkimg protoc`: compiles a tool author's own contracts."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer


def protoc(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="The .proto files to compile.")
    ],
    root: Annotated[
        Path,
        typer.Option(
            "-I",
            "--root",
            metavar="DIR",
            help="The folder that imports are relative to, in the .proto files and in Python.",
        ),
    ] = Path(),
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The root of what is written; if left out, next to each FILE."
        ),
    ] = None,
) -> None:
    """Compile a tool's .proto into Python.

    Writes the messages, the gRPC stubs and the types of both.

    ThinkImg's own files can be imported ("thinkimg_rpc/v1/image.proto"), as can
    google/protobuf and google/rpc. The compiler is installed once, in an
    environment of its own, unless grpcio-tools and mypy-protobuf are installed.

    thinkimg protoc my_package/my_tool.proto
    """
    from thinkimg_rpc.cli.proto_compiler import compiler, our_descriptors

    names = [_relative(file, root) for file in files]
    target = out or root
    _make_folder(target)
    python, environment = compiler()
    with tempfile.TemporaryDirectory() as scratch:
        ours = Path(scratch) / "thinkimg_rpc.binpb"
        ours.write_bytes(our_descriptors().SerializeToString())
        outputs = ("python", "mypy", "grpc_python", "mypy_grpc")
        finished = subprocess.run(
            [
                *(str(python), "-W", "ignore", "-m", "grpc_tools.protoc"),
                *(f"--descriptor_set_in={ours}", f"-I{root}"),
                *(f"--{kind}_out={'quiet:' if 'mypy' in kind else ''}{target}" for kind in outputs),
                *names,
            ],
            env=environment,
            check=False,
        )
    if finished.returncode != 0:
        # The compiler has said where: FILE:LINE:COLUMN: what is wrong.
        raise typer.Exit(2)
    for name in names:
        stem = target / name.removesuffix(".proto")
        print(f"{stem}_pb2.py, {stem}_pb2_grpc.py and their .pyi")


def _relative(file: Path, root: Path) -> str:
    if file.suffix != ".proto":
        raise typer.BadParameter(f"{file} is no .proto file", param_hint="FILE")
    if not file.is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError as error:
        raise typer.BadParameter(
            f"{file} is not below {root.resolve()}; name the folder its imports are relative to",
            param_hint="-I",
        ) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(
            f"cannot write into {folder}: {error.strerror}", param_hint="--out"
        ) from error
