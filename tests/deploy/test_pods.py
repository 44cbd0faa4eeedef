"""The commands of the manifests, run as they stand, in network namespaces for pods."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc.cli import main as thinkimg

from ..resilience import namespaces
from ..resilience.namespaces import LinkedNamespaces, inside, linked_namespaces
from ..thinkimg_rpc.running_mesh import eventually
from .manifests import FOLDER, Container, containers, mesh_toml, rendered, why_not

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TOKEN = "a-secret-of-the-test"
LONG_S = 100.0
UNCOMMENTED = re.compile(r"^#(\[tls\]|(?:folder|mutual|name) = .*)$", re.MULTILINE)
MOUNT = "/etc/thinkimg/mesh.toml"
# What kubelet does: no token, the overall health.
PROBE = """
import sys, grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
with grpc.insecure_channel(sys.argv[1]) as channel:
    answer = health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(), timeout=5
    )
sys.exit(answer.status != health_pb2.HealthCheckResponse.SERVING)
"""

reason = why_not() or namespaces.why_not()
pytestmark = pytest.mark.skipif(bool(reason), reason=reason or "-")


@pytest.fixture
def hosts() -> Iterator[LinkedNamespaces]:
    """One for the front door's pod, one for the workers', where the service's name is known."""
    with linked_namespaces() as pair:
        folder = Path("/etc/netns") / pair.far
        folder.mkdir(parents=True)
        # `ip netns exec` shows it as /etc/hosts: the cluster's DNS.
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{pair.near_host} thinkimg\n")
        # Pods have a way out; the front door asks by which address it would go.
        route = f"ip -n {pair.near} route add default via {pair.far_host}"
        subprocess.run(route.split(), check=True)
        try:
            yield pair
        finally:
            (folder / "hosts").unlink()
            folder.rmdir()


class Pods:
    """Containers that run; leave it to kill what is left."""

    def __init__(self, folder: Path, hosts: LinkedNamespaces) -> None:
        self.folder = folder
        self.hosts = hosts
        self.processes: dict[str, psutil.Popen] = {}
        (folder / "empty").mkdir()
        self.variables = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "THINKIMG_TOKEN": TOKEN,
        }

    def __enter__(self) -> Pods:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            if process.is_running():
                for one in [*process.children(recursive=True), process]:
                    one.kill()
                process.wait()

    def protected(self, text: str) -> str:
        """The same mesh.toml with its [tls], whose files are where this test may write."""
        thinkimg(["certs", str(self.folder), "tls=thinkimg"])
        self.variables["THINKIMG_TLS_CA"] = str(self.folder / "tls")
        self.variables["THINKIMG_TLS_NAME"] = "thinkimg"
        return UNCOMMENTED.sub(r"\1", text).replace("/etc/thinkimg-tls", f"{self.folder / 'tls'}")

    def start(self, container: Container) -> None:
        """Run a container's command; only the place of mesh.toml is another."""
        arguments = [
            one.replace(MOUNT, str(self.folder / "mesh.toml")) for one in container.spec["args"]
        ]
        with (self.folder / f"{container.name}.said").open("w") as said:
            self.processes[container.name] = psutil.Popen(
                inside(
                    self.host(container)[0], str(ROOT / "containers" / "entrypoint.sh"), *arguments
                ),
                cwd=self.folder / "empty",
                env=self.variables,
                stdout=said,
                stderr=said,
            )

    def host(self, container: Container) -> tuple[str, str]:
        """The namespace that is a container's pod, and the pod's address."""
        if container.name == "hub":
            return self.hosts.near, self.hosts.near_host
        return self.hosts.far, self.hosts.far_host

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.said").read_text()

    def wait_said(self, name: str, words: str) -> None:
        """Wait for words in what a container prints."""

        def look() -> bool:
            ended = self.processes[name].poll() is not None
            assert not ended, f"{name} ended:\n{self.said(name)}\nhub:\n{self.said('hub')}"
            return words in self.said(name)

        eventually(look, LONG_S, f'"{words}" from {name}')

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a client's pod would, beside the workers."""
        return subprocess.run(
            inside(self.hosts.far, *command), env=self.variables, capture_output=True, text=True
        )

    def listens(self, container: Container) -> bool:
        """What kubelet's probes find out under TLS."""
        address = f"/dev/tcp/{self.host(container)[1]}/{container.port}"
        return self.run("bash", "-c", f"exec 3<>{address}").returncode == 0

    def ready(self, container: Container) -> bool:
        """What kubelet's readiness probe hears."""
        probe = container.spec["readinessProbe"]["grpc"]
        address = f"{self.host(container)[1]}:{probe['port']}"
        return self.run(str(BIN / "python"), "-c", PROBE, address).returncode == 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_workers_in_pods_find_the_front_door_serve_are_probed_and_end_in_time(
    hosts: LinkedNamespaces, tmp_path: Path, tls: bool
) -> None:
    documents = rendered(FOLDER / "gpu")
    text = mesh_toml(documents).replace('"/log"', f'"{tmp_path / "log"}"')
    front, *workers = containers(documents)
    with Pods(tmp_path, hosts) as pods:
        (tmp_path / "mesh.toml").write_text(pods.protected(text) if tls else text)
        # In no order: a worker waits for its front door.
        for container in (*workers, front):
            pods.start(container)
        for container in workers:
            pods.wait_said(container.name, "joined the mesh at thinkimg:50051")
        for container in (front, *workers):
            probe = pods.listens if tls else pods.ready
            eventually(partial(probe, container), LONG_S, f"health of {container.name}")
        tools = pods.run(str(BIN / "thinkimg"), "tools", "--address", "thinkimg:50051")
        assert tools.returncode == 0, tools.stderr
        assert all(name in tools.stdout for name in ("Crop", "OCR", "SAM", "GroundingDINO"))
        chart = str(ROOT / "docs" / "pictures" / "chart.png")
        box = '{"box": {"x0": 0, "y0": 0, "x1": 20, "y1": 20}}'
        called = pods.run(
            *(str(BIN / "thinkimg"), "call", "Crop", "--image", chart, "--args", box),
            *("--address", "thinkimg:50051", "--save", str(tmp_path)),
        )
        assert called.returncode == 0, called.stderr
        for container in (*workers, front):
            process = pods.processes[container.name]
            process.terminate()
            assert process.wait(container.pod["terminationGracePeriodSeconds"]) == 0
