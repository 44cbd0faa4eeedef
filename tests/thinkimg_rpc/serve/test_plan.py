from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import msgspec
import pytest

from thinkimg_rpc.serve.child import ChildSpec
from thinkimg_rpc.serve.config import parse_config
from thinkimg_rpc.serve.plan import (
    advertised_host,
    default_environment_dir,
    default_log_dir,
    dialable,
    hub_spec,
    make_log_dir,
    surroundings,
    unique,
    worker_environments,
    worker_specs,
)
from thinkimg_rpc.settings import CannotStart, HubSettings, TlsSettings, WorkerSettings

CONFIG = parse_config(
    {
        "mesh": {"drain_s": 1.5, "log_dir": "/logs", "result_cache_dir": "/answers"},
        "limits": {"queue_length": 7, "image_cache_bytes": 1000},
        "worker": [
            {"name": "image", "tools": ["m:A", "m:B"], "replicas": 2, "concurrency": 3},
            {
                "name": "ocr",
                "tools": ["m:OCR"],
                "image_cache_bytes": 5,
                "variables": {"CUDA_VISIBLE_DEVICES": "1", "OPENBLAS_NUM_THREADS": "4"},
            },
        ],
    }
)
TLS = TlsSettings(cert="c", key="k")


def specs() -> dict[str, ChildSpec]:
    planned = worker_specs(
        CONFIG.worker,
        surroundings(CONFIG, "secret"),
        limits=CONFIG.limits,
        registry="127.0.0.1:50051",
        listen_host="127.0.0.1",
        advertise_host="",
    )
    return {spec.name: spec for spec in planned}


def settings(spec: ChildSpec) -> WorkerSettings:
    return msgspec.json.decode(spec.environment["THINKIMG_SETTINGS"], type=WorkerSettings)


def test_there_is_one_process_for_each_replica_of_each_worker() -> None:
    assert list(specs()) == ["image-0", "image-1", "ocr-0"]


def test_a_worker_is_told_what_mesh_toml_says_of_it() -> None:
    told = settings(specs()["image-1"])
    assert told.id == "image-1"
    assert told.tools == ("m:A", "m:B")
    assert (told.registry, told.address) == ("127.0.0.1:50051", "127.0.0.1:0")
    assert (told.concurrency, told.token, told.drain_s) == (3, "secret", 1.5)
    assert told.limits.queue_length == 7


def test_replicas_listen_at_the_ports_from_that_of_their_worker_on() -> None:
    config = parse_config(
        {"worker": [{"name": "a", "tools": ["m:A"], "replicas": 2, "port": 50052}]}
    )
    planned = worker_specs(
        config.worker,
        surroundings(config, ""),
        limits=config.limits,
        registry="127.0.0.1:50051",
        listen_host="0.0.0.0",
        advertise_host="gpu-box",
    )
    assert [settings(spec).address for spec in planned] == ["0.0.0.0:50052", "0.0.0.0:50053"]


def test_a_workers_own_limits_go_before_those_of_all() -> None:
    assert settings(specs()["ocr-0"]).limits.image_cache_bytes == 5
    assert settings(specs()["ocr-0"]).result_cache_dir == "/answers"
    assert settings(specs()["image-0"]).limits.image_cache_bytes == 1000
    assert settings(specs()["ocr-0"]).limits.queue_length == 7


def test_the_hub_is_told_where_to_listen() -> None:
    spec = hub_spec(CONFIG, surroundings(CONFIG, "secret"), "127.0.0.1:50999")
    told = msgspec.json.decode(spec.environment["THINKIMG_SETTINGS"], type=HubSettings)
    assert told.address == "127.0.0.1:50999"
    assert told.limits == CONFIG.limits
    assert told.token == "secret"
    assert spec.log == Path("/logs/hub.log")


def test_the_allocator_is_set_for_image_sized_blocks() -> None:
    environment = specs()["image-0"].environment
    assert environment["MALLOC_MMAP_THRESHOLD_"] == "33554432"
    assert environment["MALLOC_TRIM_THRESHOLD_"] == "134217728"


def test_what_the_user_has_set_goes_before_our_defaults_and_the_workers_variables_before_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert specs()["image-0"].environment["MALLOC_TRIM_THRESHOLD_"] == "1"
    assert specs()["image-0"].environment["OPENBLAS_NUM_THREADS"] == "2"
    assert specs()["ocr-0"].environment["OPENBLAS_NUM_THREADS"] == "4"
    assert specs()["ocr-0"].environment["CUDA_VISIBLE_DEVICES"] == "1"


def test_the_cores_are_shared_out_among_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)))
    assert specs()["image-0"].environment["OMP_NUM_THREADS"] == "4"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert specs()["image-0"].environment["OMP_NUM_THREADS"] == "1"


def test_logs_go_to_a_folder_of_the_user_and_the_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_log_dir("127.0.0.1:50051") == Path("/state/thinkimg/logs/50051")
    assert default_log_dir("h:0").name == f"0-{os.getpid()}"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_log_dir("h:1") == Path.home() / ".local/state/thinkimg/logs/1"


def test_a_log_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=r"cannot make the log folder .*file/logs: Not a dir"):
        make_log_dir(tmp_path / "file" / "logs")


def test_environments_are_kept_in_the_users_cache_or_where_mesh_toml_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_environment_dir() == Path("/cache/thinkimg/environments")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_environment_dir() == Path.home() / ".cache/thinkimg/environments"


def test_only_a_worker_with_an_environment_is_prepared_and_finds_our_code_by_its_path() -> None:
    config = parse_config(
        {
            "mesh": {"environment_dir": "/kept", "log_dir": "/logs"},
            "env": {"old": {"requirements": ["timm<1"]}},
            "worker": [
                {"name": "image", "tools": ["m:A"]},
                {"name": "dino", "tools": ["m:B"], "env": "old"},
            ],
        }
    )
    shared = surroundings(config, "")
    image, dino = worker_specs(
        config.worker,
        shared,
        limits=config.limits,
        registry="127.0.0.1:50051",
        listen_host="127.0.0.1",
        advertise_host="",
        environments=worker_environments(config, shared),
    )
    assert image.prepare is None
    assert dino.prepare is not None
    assert dino.environment["PYTHONPATH"].startswith("/kept/thinkimg-rpc-")
    assert image.environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH")


@pytest.mark.parametrize(
    ("address", "dialled"),
    [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("0.0.0.0:1", "127.0.0.1:1"),
        ("[::]:1", "[::1]:1"),
        ("gpu-box:1", "gpu-box:1"),
    ],
)
def test_a_wildcard_address_is_dialled_on_loopback(address: str, dialled: str) -> None:
    assert dialable(address) == dialled


def test_only_a_wildcard_host_needs_another_name_for_others() -> None:
    assert advertised_host("127.0.0.1") == ""
    assert advertised_host("10.0.0.7") == ""
    assert advertised_host("0.0.0.0", towards="127.0.0.1:9") == "127.0.0.1"


def test_workers_are_told_of_all_registries_and_the_hub_of_what_they_share() -> None:
    registries = ["10.0.0.1:50051", "10.0.0.2:50051"]
    config = parse_config(
        {
            "mesh": {"store": "etcd://10.0.0.9:2379", "registries": registries},
            "worker": [{"name": "image", "tools": ["m:A"]}],
        }
    )
    shared = surroundings(config, "")
    (spec,) = worker_specs(
        [unique(worker) for worker in config.worker],
        shared,
        limits=config.limits,
        registry=registries[1],
        listen_host="10.0.0.2",
        advertise_host="",
    )
    hub = hub_spec(config, shared, registries[1]).environment["THINKIMG_SETTINGS"]

    # Its own first.
    assert settings(spec).registry == f"{registries[1]},{registries[0]}"
    assert re.fullmatch("image-[0-9a-f]{4}-0", spec.name)
    assert msgspec.json.decode(hub, type=HubSettings).store == "etcd://10.0.0.9:2379"


def test_with_certificates_grpc_says_in_the_log_whose_it_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)
    config = parse_config({"worker": [{"name": "a", "tools": ["m:A"]}]})
    plain = hub_spec(config, surroundings(config, ""), "127.0.0.1:1")
    secured = hub_spec(
        config, dataclasses.replace(surroundings(config, ""), tls=TLS), "127.0.0.1:1"
    )
    assert plain.environment["GRPC_VERBOSITY"] == "ERROR"
    assert secured.environment["GRPC_VERBOSITY"] == "INFO"
