"""The Kubernetes manifests as `kubectl kustomize` renders them, and what they ask for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.27.0", "1.37.0")
"""The first in which gRPC probes are there for good, and the newest that has a schema here."""

Document = Mapping[str, Any]


def why_not() -> str:
    """Why manifests cannot be rendered here; empty if they can."""
    if shutil.which("kubectl") is None:
        return "manifests need kubectl"
    said = subprocess.run(
        ["kubectl", "version", "--client", "--output", "json"], capture_output=True, text=True
    )
    version = json.loads(said.stdout).get("kustomizeVersion", "")
    if not re.match(r"v([4-9]|\d\d)", version):
        return "manifests need kubectl 1.21 or newer"
    return ""


@cache
def rendered(folder: Path) -> tuple[Document, ...]:
    """What `kubectl apply -k` would send."""
    ran = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return tuple(yaml.safe_load_all(ran.stdout))


def named(documents: tuple[Document, ...], kind: str, name: str = "") -> Document:
    """The only one of its kind and name."""
    (found,) = [
        one
        for one in documents
        if one["kind"] == kind and name in ("", re.sub(r"-\w{10}$", "", one["metadata"]["name"]))
    ]
    return found


@dataclass(frozen=True)
class Container:
    """One container of a deployment's pods."""

    deployment: Document
    spec: Document

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def pod(self) -> Document:
        pod: Document = self.deployment["spec"]["template"]["spec"]
        return pod

    @property
    def port(self) -> int:
        (port,) = self.spec["ports"]
        return int(port["containerPort"])

    def option(self, name: str) -> str:
        """The value that the arguments give to an option; "" if they do not have it."""
        values = [arg.partition("=")[2] for arg in self.spec["args"] if arg.startswith(f"{name}=")]
        return values[0] if values else ""


def containers(documents: tuple[Document, ...]) -> Iterator[Container]:
    """All containers of all deployments, the front door's first."""
    deployments = [one for one in documents if one["kind"] == "Deployment"]
    for deployment in sorted(
        deployments, key=lambda one: one["metadata"]["name"] != "thinkimg-hub"
    ):
        for spec in deployment["spec"]["template"]["spec"]["containers"]:
            yield Container(deployment, spec)


def mesh_toml(documents: tuple[Document, ...]) -> str:
    """What the pods find as /etc/thinkimg/mesh.toml."""
    return str(named(documents, "ConfigMap", "thinkimg-mesh")["data"]["mesh.toml"])
