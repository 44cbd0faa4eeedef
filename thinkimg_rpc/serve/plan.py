"""From `mesh.toml` to the processes that make it up: their settings and environments."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from thinkimg_rpc.local_host import local_host
from thinkimg_rpc.serve.child import ChildSpec
from thinkimg_rpc.serve.config import Launcher, MeshConfig, WorkerSection
from thinkimg_rpc.serve.environments import WorkerEnvironment
from thinkimg_rpc.settings import (
    SETTINGS_VARIABLE,
    CannotStart,
    HubSettings,
    LimitSettings,
    TlsSettings,
    WorkerSettings,
)

_HUB_COMMAND = (sys.executable, "-P", "-m", "thinkimg_rpc.hub")
ABANDONED_AFTER_S = 60.0
"""A job whose mesh is gone for so long ends itself: nobody may be left to cancel it."""

# No -P: a tool of one's own is imported from the current directory.
_WORKER_COMMAND = (sys.executable, "-m", "thinkimg_rpc.server")

_DEFAULT_ENVIRONMENT = {
    # Measured: glibc otherwise returns and re-requests every image-sized block,
    # which costs a third of the throughput at 300 KB a message.
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
    # One arena for all threads: each would keep scratch images of its own.
    "MALLOC_ARENA_MAX": "1",
    # Calls already run side by side; a pool of threads for each only contends.
    "OPENBLAS_NUM_THREADS": "1",
    "GRPC_VERBOSITY": "ERROR",
    # A crash in native code leaves a traceback in the log.
    "PYTHONFAULTHANDLER": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Surroundings:
    """What all processes of a mesh share."""

    token: str
    tls: TlsSettings | None
    insecure: bool
    drain_s: float
    log_dir: Path
    registries: tuple[str, ...] = ()
    """Those beside the one that is named, where the mesh has several."""
    result_cache_dir: str = ""
    launcher: Launcher = "local"
    """What starts the workers that do not say so themselves."""


def surroundings(config: MeshConfig, token: str) -> Surroundings:
    """What the processes of the mesh that `config` describes share."""
    mesh = config.mesh
    return Surroundings(
        token=token,
        tls=config.tls,
        insecure=mesh.insecure,
        drain_s=mesh.drain_s,
        log_dir=Path(mesh.log_dir) if mesh.log_dir else default_log_dir(mesh.address),
        registries=mesh.registries,
        result_cache_dir=mesh.result_cache_dir,
        launcher=mesh.launcher,
    )


def make_log_dir(folder: Path) -> None:
    """Make sure logs can be written. Raises: CannotStart."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise CannotStart(f"cannot make the log folder {folder}: {error.strerror}") from error
    if not writable:
        raise CannotStart(f"cannot write logs into {folder}; set log_dir in [mesh]")


def worker_environments(config: MeshConfig, shared: Surroundings) -> dict[str, WorkerEnvironment]:
    """The environments that `mesh.toml` describes, by their names; none is built yet."""
    chosen = config.mesh.environment_dir
    folder = Path(chosen) if chosen else default_environment_dir()
    return {
        name: WorkerEnvironment(name, section, folder, shared.log_dir / f"environment-{name}.log")
        for name, section in config.env.items()
    }


def hub_spec(config: MeshConfig, shared: Surroundings, address: str) -> ChildSpec:
    """The process that holds registry and front door, listening on `address`."""
    listen_host = address.rpartition(":")[0]
    xds_port = config.mesh.xds_port
    settings = HubSettings(
        address=address,
        store=config.mesh.store,
        xds_address=f"{listen_host}:{xds_port}" if xds_port else "",
        advertise_host=config.mesh.advertise_host or advertised_host(listen_host),
        limits=config.limits,
        tls=shared.tls,
        token=shared.token,
        insecure=shared.insecure,
        drain_s=shared.drain_s,
    )
    return _spec("hub", _HUB_COMMAND, settings, shared, {})


def worker_specs(
    workers: Sequence[WorkerSection],
    shared: Surroundings,
    *,
    limits: LimitSettings,
    registry: str,
    listen_host: str,
    advertise_host: str,
    environments: Mapping[str, WorkerEnvironment] | None = None,
) -> list[ChildSpec]:
    """One process for each replica of each worker: image-0, image-1, ocr-0.

    `environments` are those that workers name in `env`.
    """
    here = [worker for worker in workers if not _is_job(worker, shared)]
    processes = sum(worker.replicas for worker in here)
    threads = max(1, len(os.sched_getaffinity(0)) // max(1, processes))
    specs = []
    for worker in workers:
        for number in range(worker.replicas):
            port = worker.port + number if worker.port else 0
            settings = WorkerSettings(
                id=f"{worker.name}-{number}",
                tools=worker.tools,
                registry=with_others(registry, shared),
                address=f"{listen_host}:{port}",
                advertise_host=advertise_host,
                concurrency=worker.concurrency,
                models=worker.models(number),
                limits=_worker_limits(limits, worker),
                result_cache_dir=shared.result_cache_dir,
                tls=shared.tls,
                token=shared.token,
                insecure=shared.insecure,
                drain_s=shared.drain_s,
            )
            if _is_job(worker, shared):
                dialled = with_others(_from_elsewhere(registry, advertise_host), shared)
                spec = _job_spec(worker, _as_job(settings, dialled, port), shared)
            else:
                spec = _worker_spec(worker, settings, shared, threads)
            if worker.env and environments is not None:
                spec = _inside(environments[worker.env], spec)
            specs.append(spec)
    return specs


def _worker_spec(
    worker: WorkerSection, settings: WorkerSettings, shared: Surroundings, threads: int
) -> ChildSpec:
    extra = {"OMP_NUM_THREADS": str(threads)}
    return _spec(settings.id, _WORKER_COMMAND, settings, shared, extra, worker.variables)


def _as_job(settings: WorkerSettings, registry: str, port: int) -> WorkerSettings:
    """Of a worker that learns only where it has landed at which address it is reached."""
    return msgspec.structs.replace(
        settings,
        registry=registry,
        address=f":{port}",
        advertise_host="",
        abandoned_after_s=ABANDONED_AFTER_S,
    )


def _job_spec(worker: WorkerSection, settings: WorkerSettings, shared: Surroundings) -> ChildSpec:
    spec = _worker_spec(worker, settings, shared, max(1, worker.slurm.cpus))
    return replace(spec, slurm=worker.slurm, mesh=settings.registry)


def _is_job(worker: WorkerSection, shared: Surroundings) -> bool:
    return (worker.launcher or shared.launcher) == "slurm"


def unique(worker: WorkerSection) -> WorkerSection:
    """The same worker under a name of its own: several machines may serve the same."""
    return msgspec.structs.replace(worker, name=f"{worker.name}-{secrets.token_hex(2)}")


def with_others(registry: str, shared: Surroundings) -> str:
    """That registry, and after it those to go on with when it is gone, with commas."""
    return ",".join(dict.fromkeys([registry, *shared.registries]))


def _from_elsewhere(registry: str, advertised: str) -> str:
    """The registry's address as other machines dial it, if they dial another."""
    return f"{advertised}:{registry.rpartition(':')[2]}" if advertised else registry


def dialable(address: str) -> str:
    """`address` as a process of this machine dials it: 0.0.0.0 becomes 127.0.0.1."""
    host, _, port = address.rpartition(":")
    loopback = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
    return f"{loopback.get(host, host)}:{port}"


def advertised_host(listen_host: str, towards: str = "192.0.2.1:9") -> str:
    """What others dial to reach a worker that listens on `listen_host`; "" for the same.

    Only for a wildcard host it is another: the address of this machine from
    which packets to HOST:PORT `towards` would go out.
    """
    if listen_host not in ("0.0.0.0", "[::]"):
        return ""
    return local_host(towards)


def default_log_dir(address: str) -> Path:
    """Where logs go if nothing says otherwise: a folder of this user and this mesh."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    port = address.rpartition(":")[2]
    # Any number of meshes may ask for a free port, each with its own logs.
    return Path(state) / "thinkimg" / "logs" / (port if port != "0" else f"0-{os.getpid()}")


def default_environment_dir() -> Path:
    """Where environments are kept if nothing says otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "thinkimg" / "environments"


def _inside(environment: WorkerEnvironment, spec: ChildSpec) -> ChildSpec:
    added = environment.variables(spec.environment.get("PYTHONPATH", ""))
    return replace(spec, environment={**spec.environment, **added}, prepare=environment.ready)


def _worker_limits(limits: LimitSettings, worker: WorkerSection) -> LimitSettings:
    own = {"queue_length": worker.queue_length, "image_cache_bytes": worker.image_cache_bytes}
    chosen = {key: value for key, value in own.items() if value is not None}
    return msgspec.structs.replace(limits, **chosen)


def _spec(
    name: str,
    command: tuple[str, ...],
    settings: HubSettings | WorkerSettings,
    shared: Surroundings,
    defaults: Mapping[str, str],
    chosen: Mapping[str, str] | None = None,
) -> ChildSpec:
    environment = {
        **_DEFAULT_ENVIRONMENT,
        # gRPC logs at this level, and nowhere else, whose certificate is refused.
        **({"GRPC_VERBOSITY": "INFO"} if shared.tls else {}),
        **defaults,
        **os.environ,
        **(chosen or {}),
        SETTINGS_VARIABLE: msgspec.json.encode(settings).decode(),
    }
    return ChildSpec(name, command, environment, shared.log_dir / f"{name}.log")
