"""The Kubernetes manifests say what Kubernetes knows, and name what is there."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest

from thinkimg_rpc.serve.config import DEFAULT_CONFIG, load_config, parse_config

from .manifests import (
    FOLDER,
    VERSIONS,
    Container,
    Document,
    containers,
    mesh_toml,
    named,
    rendered,
    why_not,
)

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


@pytest.fixture(params=["cpu", "gpu"])
def documents(request: pytest.FixtureRequest) -> tuple[Document, ...]:
    return rendered(FOLDER / request.param)


@pytest.fixture(scope="session")
def protected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, ...]:
    """The mesh with GPUs and the component for TLS."""
    folder = tmp_path_factory.mktemp("mine")
    parts = {"resources": FOLDER / "gpu", "components": FOLDER / "tls"}
    lines = [f"{key}: [{_from(folder, path)}]" for key, path in parts.items()]
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    (folder / "kustomization.yaml").write_text(head + "\n".join(lines) + "\n")
    return rendered(folder)


def _from(folder: Path, target: Path) -> str:
    up = [".."] * len(folder.resolve().relative_to("/").parts)
    return "/".join([*up, *target.resolve().relative_to("/").parts])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_the_published_schemas(
    protected: tuple[Document, ...], version: str
) -> None:
    shown = {
        json.dumps(document, sort_keys=True): document
        for document in (*rendered(FOLDER / "cpu"), *rendered(FOLDER / "gpu"), *protected)
    }
    for document in shown.values():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_files_are_tidy() -> None:
    yamllint = Path(sys.executable).with_name("yamllint")
    ran = subprocess.run(
        [yamllint, "--strict", "-c", ROOT / "deploy" / "yamllint.yaml", ROOT / "deploy"],
        capture_output=True,
        text=True,
    )
    assert ran.stdout == ""


def test_each_worker_of_the_mesh_is_served_by_one_container_at_its_port(
    documents: tuple[Document, ...],
) -> None:
    config = parse_config(tomllib.loads(mesh_toml(documents)))
    ports = {worker.name: worker.port for worker in config.worker}
    ports["hub"] = int(config.mesh.address.rpartition(":")[2])
    served = {one.option("--only"): one for one in containers(documents)}
    assert {name: one.port for name, one in served.items()} == ports
    assert len(set(ports.values())) == len(ports)
    for name, container in served.items():
        assert container.name == name
        assert (name == "hub") == (not container.option("--address"))


def test_a_mesh_has_all_nine_tools_each_at_one_worker(documents: tuple[Document, ...]) -> None:
    config = parse_config(tomllib.loads(mesh_toml(documents)))
    hosted = sorted(tool for worker in config.worker for tool in worker.tools)
    shipped = load_config(DEFAULT_CONFIG).worker
    assert hosted == sorted(tool for worker in shipped for tool in worker.tools)


def test_workers_dial_the_service_that_leads_to_the_front_door(
    documents: tuple[Document, ...],
) -> None:
    service = named(documents, "Service")
    (port,) = service["spec"]["ports"]
    hub, *workers = containers(documents)
    labels = hub.deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    (hub_port,) = hub.spec["ports"]
    assert port["targetPort"] == hub_port["name"]
    assert {one.option("--address") for one in workers} == {
        f"{service['metadata']['name']}:{port['port']}"
    }
    for worker in workers:
        others = worker.deployment["spec"]["template"]["metadata"]["labels"]
        assert not service["spec"]["selector"].items() <= others.items()


def test_kubelet_asks_each_process_for_its_health(documents: tuple[Document, ...]) -> None:
    for container in containers(documents):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container.spec[probe]["grpc"] == {"port": container.port}


def test_under_tls_kubelet_looks_whether_each_process_listens(
    protected: tuple[Document, ...],
) -> None:
    for container in containers(protected):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container.spec[probe]["tcpSocket"] == {"port": container.port}
            assert "grpc" not in container.spec[probe]


def test_a_pod_has_longer_to_end_than_its_calls_have(documents: tuple[Document, ...]) -> None:
    drain_s = parse_config(tomllib.loads(mesh_toml(documents))).mesh.drain_s
    for container in containers(documents):
        assert container.pod["terminationGracePeriodSeconds"] >= drain_s + 5


def test_pods_have_no_rights_and_write_only_where_they_must(
    documents: tuple[Document, ...],
) -> None:
    for container in containers(documents):
        assert container.pod["securityContext"]["runAsUser"] == 10001
        assert not container.pod["automountServiceAccountToken"]
        assert container.spec["securityContext"]["readOnlyRootFilesystem"]
        assert writable(container) == {"/log", "/tmp"}


def writable(container: Container) -> set[str]:
    return {one["mountPath"] for one in container.spec["volumeMounts"] if not one.get("readOnly")}


def test_the_token_comes_from_a_secret_and_no_pod_starts_without(
    documents: tuple[Document, ...],
) -> None:
    for container in containers(documents):
        (token,) = [one for one in container.spec["env"] if one["name"] == "THINKIMG_TOKEN"]
        assert token["valueFrom"]["secretKeyRef"] == {"name": "thinkimg-token", "key": "token"}


def test_the_network_policy_covers_every_pod_and_port(documents: tuple[Document, ...]) -> None:
    policy = named(documents, "NetworkPolicy")["spec"]
    selected = policy["podSelector"]["matchLabels"].items()
    (rule,) = policy["ingress"]
    (ports,) = rule["ports"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    for container in containers(documents):
        assert selected <= container.deployment["spec"]["template"]["metadata"]["labels"].items()
        assert ports["port"] <= container.port <= ports["endPort"]


def test_only_pods_that_compute_with_models_ask_for_a_gpu() -> None:
    asked = {
        one.name: "nvidia.com/gpu" in one.spec["resources"]["limits"]
        for one in containers(rendered(FOLDER / "gpu"))
    }
    assert asked == {"hub": False, "image": False, "text": False, "models": True}
