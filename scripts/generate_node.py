"""Write JavaScript stubs (with TypeScript types) to build/node, as an npm package.

protoc-gen-es writes plain modules, so nothing needs to be compiled. The
versions are the newest that run on Node 18. Needs `npm`.
"""

from __future__ import annotations

import json
import subprocess

from proto_environment import BUILD, our_protos, require_program, run_protoc

OUT = BUILD / "node"
PACKAGE = {
    "name": "thinkimg-rpc-stubs",
    "version": "0.0.0",
    "private": True,
    "type": "module",
    "exports": {"./*": "./*"},
    "dependencies": {"@bufbuild/protobuf": "2.6.3"},
    "devDependencies": {"@bufbuild/protoc-gen-es": "2.6.3"},
}
IMPORTED = ["google/rpc/status.proto", "google/rpc/error_details.proto"]


def generate_node() -> None:
    """Write the package; programs depend on it by its folder."""
    require_program("npm", "install Node 18 or newer")
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "package.json").write_text(json.dumps(PACKAGE, indent=2) + "\n")
    subprocess.run(
        ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=OUT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    run_protoc(
        [
            f"--plugin={OUT}/node_modules/.bin/protoc-gen-es",
            f"--es_out={OUT}",
            "--es_opt=target=js+dts,import_extension=js",
        ],
        [*our_protos(), *IMPORTED],
    )
