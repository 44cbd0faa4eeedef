"""Write Go stubs to build/go, a GOPATH workspace: build/go/src/thinkimg_rpc/v1.

Needs `protoc-gen-go` and `protoc-gen-go-grpc` on the PATH. The protos name no
Go package, because nobody publishes one: the import path is decided here.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from proto_environment import BUILD, our_protos, require_program, run_protoc

SOURCE = BUILD / "go" / "src"


def generate_go() -> None:
    """Write one Go package for each protobuf package."""
    for program in ("protoc-gen-go", "protoc-gen-go-grpc"):
        require_program(program, f"install Debian's {program}, or `go install` it")
    SOURCE.mkdir(parents=True, exist_ok=True)
    names = our_protos()
    packages = [f"M{name}={_import_path(name)}" for name in names]
    options = ",".join(["paths=source_relative", *packages])
    run_protoc(
        [
            f"--go_out={SOURCE}",
            f"--go_opt={options}",
            f"--go-grpc_out={SOURCE}",
            f"--go-grpc_opt={options}",
        ],
        names,
    )


def _import_path(name: str) -> str:
    """`thinkimg_rpc/v1;thinkimgv1` for thinkimg_rpc/v1/crop.proto."""
    folder = PurePosixPath(name).parent
    package = folder.parent.name.removesuffix("_rpc") + folder.name
    return f"{folder};{package}"
