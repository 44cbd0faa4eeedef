"""Generate code from protos/: `make protos`, or `make protos LANGUAGES="node go"`.

Python stubs go into the tree, where they are committed. Those of other
languages go to build/, for the programs in examples/clients. Needs nothing but
Python; the compiler comes in an environment of its own under build/.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from generate_go import generate_go
from generate_node import generate_node
from proto_environment import PROTOS, ROOT, compiler_python, our_protos, run_protoc


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", default=["python"], metavar="LANGUAGE")
    parser.add_argument("--out", type=Path, default=ROOT, help="where the Python stubs go")
    parser.add_argument("--descriptors", type=Path, help="write a descriptor set here, and stop")
    parser.add_argument(
        "--baseline",
        action="store_true",
        help="on a release: make today's contract the one later changes are held against",
    )
    chosen = parser.parse_args(arguments)
    if chosen.baseline:
        write_descriptors(PROTOS / "baseline.binpb", comments=False)
    elif chosen.descriptors:
        write_descriptors(chosen.descriptors, comments=True)
    else:
        generators: dict[str, Callable[[], None]] = {
            "python": lambda: generate_python(chosen.out),
            "node": generate_node,
            "go": generate_go,
        }
        for language in chosen.languages:
            if language not in generators:
                parser.error(f"no such language: {language} (choose from {', '.join(generators)})")
            generators[language]()


def write_descriptors(path: Path, *, comments: bool) -> None:
    """Write a FileDescriptorSet with imports; `buf lint` wants the comments as well."""
    options = ["--include_source_info"] if comments else []
    path.parent.mkdir(parents=True, exist_ok=True)
    run_protoc(["--include_imports", *options, f"--descriptor_set_out={path}"], our_protos())


def generate_python(out: Path) -> None:
    """Write the Python stubs and the packages' `__init__.py` below `out`."""
    script = Path(__file__).with_name("generate_python.py")
    subprocess.run([str(compiler_python()), str(script), str(out.resolve())], check=True)


if __name__ == "__main__":
    main()
