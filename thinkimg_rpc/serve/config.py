"""`mesh.toml`: what it may say, and clear words where it says something else."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from thinkimg_rpc.hub.lease_store import parse_store_url
from thinkimg_rpc.serve.slurm.resources import SlurmSection, check_flags
from thinkimg_rpc.settings import (
    CannotStart,
    LimitSettings,
    ModelSettings,
    TlsSettings,
    tls_in,
    token_from_environment,
    token_from_file,
)

DEFAULT_CONFIG = Path(__file__).with_name("mesh.toml")
"""The shipped mesh: all tools, in a worker each for images, text and segmentation."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?")
_TOOL = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Launcher = Literal["local", "slurm"]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class MeshSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[mesh]`: the address everyone needs, and what holds for all processes."""

    address: str = "127.0.0.1:50051"
    advertise_host: str = ""
    xds_port: Port = 0
    """Where stock gRPC clients learn of the workers; 0: nowhere."""
    store: str = ""
    """Where leases are shared with the mesh's other registries, `etcd://HOST:PORT`."""
    registries: tuple[str, ...] = ()
    """All registries that share the store, as others dial them."""
    token_file: str = ""
    insecure: bool = False
    log_dir: str = ""
    result_cache_dir: str = ""
    drain_s: NotNegative = 3.0
    environment_dir: str = ""
    """Where environments of workers are kept; empty: in the user's cache."""
    launcher: Launcher = "local"
    """What starts the workers that do not say so themselves."""


class EnvironmentSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[env.NAME]`: packages of workers that do not go together with those of the others."""

    requirements: tuple[str, ...] = ()
    """For pip: "transformers>=4.57,<5"; what begins with a dot is a path."""
    python: str = ""
    """The name or path of an interpreter; empty: that of `thinkimg serve`."""
    inherit: bool = False
    """Whether the packages beside `thinkimg serve` are there too, after its own."""
    path: str = ""
    """A virtual environment that is there already, instead of all these."""


class WorkerSection(ModelSettings, frozen=True, kw_only=True):
    """`[[worker]]`: `replicas` processes that each host the same `tools`."""

    name: str
    tools: tuple[str, ...]
    replicas: AtLeastOne = 1
    concurrency: AtLeastOne = 2
    queue_length: AtLeastOne | None = None
    image_cache_bytes: AtLeastOne | None = None
    port: Port = 0
    """Where replica 0 listens, the others at the ports after it; 0: at any free ones."""
    env: str = ""
    """The `[env.NAME]` it runs in; empty: where `thinkimg serve` runs."""
    launcher: Launcher | Literal[""] = ""
    """What starts it; empty: what `[mesh]` says."""
    slurm: SlurmSection = SlurmSection()
    """What its jobs ask of SLURM, with what `[slurm]` says where it says nothing."""
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    """Environment variables of its processes, over those of `thinkimg serve`."""
    device: str | tuple[str, ...] = "auto"  # type: ignore[assignment]
    """One for all replicas, or a list that they take turns in."""

    def models(self, replica: int) -> ModelSettings:
        """What the tools of that replica, counted from 0, compute with."""
        devices = (self.device,) if isinstance(self.device, str) else self.device
        chosen = {name: getattr(self, name) for name in ModelSettings.__struct_fields__}
        return ModelSettings(**chosen | {"device": devices[replica % len(devices)]})


class TlsSection(TlsSettings, frozen=True, kw_only=True):
    """`[tls]`: PEM files, or a folder that has them under their usual names."""

    folder: str = ""
    """Where cert, key and ca are tls.crt, tls.key and ca.crt, unless they are given."""


class MeshConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A whole `mesh.toml`."""

    mesh: MeshSection = MeshSection()
    limits: LimitSettings = LimitSettings()
    tls: TlsSettings | None = None
    env: dict[str, EnvironmentSection] = {}
    slurm: SlurmSection = SlurmSection()
    """What all jobs ask of SLURM."""
    worker: tuple[WorkerSection, ...] = ()


def find_config(chosen: Path | None) -> Path:
    """The file to serve: the one chosen, else ./mesh.toml, else the shipped default."""
    if chosen is not None:
        return chosen
    here = Path("mesh.toml")
    return here if here.is_file() else DEFAULT_CONFIG


def load_config(path: Path) -> MeshConfig:
    """Read and check a `mesh.toml`.

    Files named in it are relative to its folder, and absolute in what comes back.

    Raises: CannotStart, one line that names the file, the key and the remedy.
    """
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise CannotStart(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CannotStart(f"{path} is not valid TOML: {error}") from error
    try:
        return _resolve_paths(parse_config(document), path.resolve().parent)
    except CannotStart as error:
        raise CannotStart(f"{path}: {error}") from error


def parse_config(document: dict[str, Any]) -> MeshConfig:
    """Check a decoded `mesh.toml`, section by section so that errors can say where.

    Raises: CannotStart, naming the key.
    """
    _refuse_unknown_keys(document, MeshConfig, "")
    workers = document.get("worker", [])
    if not isinstance(workers, list) or not all(isinstance(w, dict) for w in workers):
        raise CannotStart("worker must be written [[worker]], once for each worker")
    slurm = document.get("slurm", {})
    config = MeshConfig(
        mesh=_convert(document.get("mesh", {}), MeshSection, "[mesh]"),
        limits=_convert(document.get("limits", {}), LimitSettings, "[limits]"),
        tls=_parse_tls(document["tls"]) if "tls" in document else None,
        env=_parse_environments(document.get("env", {})),
        slurm=_parse_slurm(slurm, "[slurm]"),
        worker=tuple(_parse_worker(w, number, slurm) for number, w in enumerate(workers, 1)),
    )
    check_host_port(config.mesh.address, "[mesh] address")
    check_xds_port(config.mesh)
    _check_registries(config.mesh)
    _check_limits(config.limits)
    _check_workers(config.worker)
    _check_use(config.env, config.worker)
    return config


def read_token(config: MeshConfig) -> str:
    """The mesh's token: from `token_file`, else from the environment, else none ("").

    Raises: CannotStart, when the file cannot be read or is empty.
    """
    if not config.mesh.token_file:
        return token_from_environment()
    return token_from_file(config.mesh.token_file, "[mesh] token_file")


def check_tool(tool: str) -> None:
    """Refuse what is not "package.module:Class". Raises: CannotStart."""
    if not _TOOL.fullmatch(tool):
        raise CannotStart(
            f'"{tool}" does not name a tool class; write package.module:Class, '
            'for example "thinkimg_workers.crop:Crop"'
        )


def check_host_port(address: str, where: str) -> None:
    """Refuse what is not HOST:PORT; port 0 asks for a free one. Raises: CannotStart."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise CannotStart(f'{where}: "{address}" is not HOST:PORT, like "127.0.0.1:50051"')


def check_xds_port(mesh: MeshSection) -> None:
    """Refuse the port that the front door listens on. Raises: CannotStart."""
    if mesh.xds_port and mesh.address.rpartition(":")[2] == str(mesh.xds_port):
        raise CannotStart(
            f"[mesh] xds_port: {mesh.xds_port} is the port of [mesh] address; choose another"
        )


def _parse_tls(table: Any) -> TlsSettings:
    section = _convert(table, TlsSection, "[tls]")
    inside = tls_in(section.folder) if section.folder else TlsSettings()
    return TlsSettings(
        cert=section.cert or inside.cert,
        key=section.key or inside.key,
        ca=section.ca or inside.ca,
        mutual=section.mutual,
        name=section.name,
    )


def _parse_environments(tables: Any) -> dict[str, EnvironmentSection]:
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise CannotStart("env must be written [env.NAME], once for each environment")
    return {name: _parse_environment(name, table) for name, table in tables.items()}


def _parse_environment(name: str, table: dict[str, Any]) -> EnvironmentSection:
    where = f"[env.{name}]"
    if not _NAME.fullmatch(name):
        raise CannotStart(
            f"{where}: use lower-case letters, digits, - and _, for example [env.old]"
        )
    section = _convert(table, EnvironmentSection, where)
    if section.path and (section.requirements or section.python or section.inherit):
        raise CannotStart(
            f"{where} path: an environment that is there is used as it is; "
            "leave out path, or everything else"
        )
    if not section.path and not section.requirements:
        raise CannotStart(
            f"{where} requirements: name at least one package, or the path of an environment"
        )
    for requirement in section.requirements:
        if not requirement.strip() or requirement.lstrip().startswith("-"):
            raise CannotStart(
                f'{where} requirements: "{requirement}" is no package; pip takes its options '
                "from pip.conf and PIP_... variables"
            )
    return section


def _parse_slurm(table: Any, where: str) -> SlurmSection:
    section = _convert(table, SlurmSection, where)
    check_flags(section.flags, where)
    return section


def _parse_worker(table: dict[str, Any], number: int, slurm: dict[str, Any]) -> WorkerSection:
    name = table.get("name")
    where = f'[[worker]] "{name}"' if isinstance(name, str) else f"[[worker]] number {number}"
    own = table.get("slurm", {})
    resources = _parse_slurm(slurm | own if isinstance(own, dict) else own, f"{where} slurm")
    worker = _convert({k: v for k, v in table.items() if k != "slurm"}, WorkerSection, where)
    worker = msgspec.structs.replace(worker, slurm=resources)
    if not _NAME.fullmatch(worker.name):
        raise CannotStart(
            f'{where} name: use lower-case letters, digits, - and _, for example "image"'
        )
    if not worker.device:
        raise CannotStart(f'{where} device: name at least one, or write "auto"')
    if worker.max_batch < 1 or worker.max_batch_wait_s < 0:
        raise CannotStart(f"{where} max_batch must be at least 1, max_batch_wait_s at least 0")
    if worker.port + worker.replicas - 1 > 65535:
        raise CannotStart(f"{where} port: its replicas would need ports above 65535")
    if not worker.tools:
        raise CannotStart(f"{where} tools: name at least one tool class")
    for tool in worker.tools:
        try:
            check_tool(tool)
        except CannotStart as error:
            raise CannotStart(f"{where} tools: {error}") from error
    return worker


def _check_workers(workers: tuple[WorkerSection, ...]) -> None:
    seen: set[str] = set()
    for worker in workers:
        if worker.name in seen:
            raise CannotStart(
                f'two [[worker]] are called "{worker.name}"; rename one, or set replicas = 2'
            )
        if worker.name == "hub":
            raise CannotStart('[[worker]] "hub": the name is taken by the mesh itself')
        seen.add(worker.name)


def _check_use(
    environments: dict[str, EnvironmentSection], workers: tuple[WorkerSection, ...]
) -> None:
    for worker in workers:
        if worker.env and worker.env not in environments:
            near = difflib.get_close_matches(worker.env, environments, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"add [env.{worker.env}]"
            raise CannotStart(
                f'[[worker]] "{worker.name}" env: there is no [env.{worker.env}]; {hint}'
            )
    used = {worker.env for worker in workers}
    for name in environments:
        # A worker that lacks its `env` would run with the wrong packages.
        if name not in used:
            raise CannotStart(
                f'[env.{name}] is used by no worker; write env = "{name}" in one, or remove it'
            )


def _check_registries(mesh: MeshSection) -> None:
    if mesh.store:
        try:
            parse_store_url(mesh.store)
        except CannotStart as error:
            raise CannotStart(f"[mesh] store: {error}") from error
    elif mesh.registries:
        raise CannotStart(
            "[mesh] registries: each would know only its own workers; name the etcd that they "
            'share, as store = "etcd://HOST:PORT"'
        )
    for address in mesh.registries:
        check_host_port(address, "[mesh] registries")


def _check_limits(limits: LimitSettings) -> None:
    for key, value in msgspec.structs.asdict(limits).items():
        least = 0 if key == "result_cache_bytes" else 1
        if value < least:
            raise CannotStart(f"[limits] {key}: must be at least {least}, not {value}")


Section = TypeVar("Section", bound=msgspec.Struct)


def _convert(table: Any, kind: type[Section], where: str) -> Section:
    if not isinstance(table, dict):
        raise CannotStart(f"{where} must be a table")
    _refuse_unknown_keys(table, kind, where)
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise CannotStart(f"{where} {_reword(str(error))}") from error


def _refuse_unknown_keys(table: dict[str, Any], kind: type[msgspec.Struct], where: str) -> None:
    known = kind.__struct_fields__
    for key in table:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known keys: {', '.join(known)}"
        raise CannotStart(f'{where} unknown key "{key}"; {hint}'.lstrip())


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def _reword(text: str) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.replicas`", with the key first."""
    missing = re.fullmatch(r"Object missing required field `(\w+)`.*", text)
    if missing:
        return f"{missing[1]}: must be given"
    problem, _, place = text.partition(" - at `$.")
    problem = re.sub(r"`(\w+)`", lambda match: _WORDS.get(match[1], match[1]), problem)
    problem = problem[:1].lower() + problem[1:].replace("`", "")
    return f"{place.rstrip('`')}: {problem}" if place else problem


def _resolve_paths(config: MeshConfig, folder: Path) -> MeshConfig:
    def absolute(path: str) -> str:
        return str(folder / Path(path).expanduser()) if path else ""

    def absolute_environment(section: EnvironmentSection) -> EnvironmentSection:
        return replace(
            section,
            path=absolute(section.path),
            # A name is looked up in PATH.
            python=absolute(section.python) if "/" in section.python else section.python,
            requirements=tuple(
                absolute(text) if text.startswith((".", "~")) else text
                for text in section.requirements
            ),
        )

    replace = msgspec.structs.replace
    mesh = replace(
        config.mesh,
        token_file=absolute(config.mesh.token_file),
        log_dir=absolute(config.mesh.log_dir),
        environment_dir=absolute(config.mesh.environment_dir),
        result_cache_dir=absolute(config.mesh.result_cache_dir),
    )
    tls = config.tls
    if tls is not None:
        tls = replace(tls, cert=absolute(tls.cert), key=absolute(tls.key), ca=absolute(tls.ca))
    env = {name: absolute_environment(section) for name, section in config.env.items()}
    return replace(config, mesh=mesh, tls=tls, env=env)
