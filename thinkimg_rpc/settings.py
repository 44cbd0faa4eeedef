"""What the processes of a mesh are told when they start.

The supervisor encodes one of these as JSON into the environment variable
`THINKIMG_SETTINGS` of each process it starts; `thinkimg serve` builds them from
`mesh.toml`, `Mesh.local` directly. Every field is read somewhere.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

TOKEN_VARIABLE = "THINKIMG_TOKEN"
TOKEN_FILE_VARIABLE = "THINKIMG_TOKEN_FILE"
SETTINGS_VARIABLE = "THINKIMG_SETTINGS"
READY_FD_VARIABLE = "THINKIMG_READY_FD"
EXIT_CANNOT_START = 78
"""Exit status (EX_CONFIG) of a process that restarting cannot mend."""

MIB = 1 << 20


class CannotStart(Exception):
    """A mistake in the settings or the machine that restarting cannot mend."""


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what one call may cost. A worker refuses what is over them."""

    max_message_bytes: int = 32 * MIB
    max_image_pixels: int = 64 * MIB
    """Width x height, checked from the header before an image is decoded."""
    image_cache_bytes: int = 256 * MIB
    """Decoded images a worker keeps, least recently used going first."""
    image_store_bytes: int = 256 * MIB
    """Encoded images that the front door's store keeps; a worker's keeps a quarter."""
    queue_length: int = 256
    """Calls that may wait in one worker."""
    result_cache_bytes: int = 64 * MIB
    """Answers that a worker keeps in memory; 0: none."""
    result_cache_disk_bytes: int = 1024 * MIB
    """Answers in `result_cache_dir`, those written first going first."""


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PEM files. `cert` and `key` identify this process, `ca` verifies its peers."""

    cert: str = ""
    key: str = ""
    ca: str = ""
    mutual: bool = False
    """Servers demand a client certificate signed by `ca`."""
    name: str = ""
    """What the certificate of every peer must be for, wherever it is dialled; empty: for
    the host that is dialled."""


def tls_in(folder: str) -> TlsSettings:
    """The files of a folder, under the names that Kubernetes' secrets and `thinkimg certs` use."""
    return TlsSettings(
        cert=str(Path(folder) / "tls.crt"),
        key=str(Path(folder) / "tls.key"),
        ca=str(Path(folder) / "ca.crt"),
    )


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What computes a tool's answers, for tools that have a choice: see `Tool.backends`."""

    backend: str = "auto"
    """One of the tool's backends; "auto": the best that this machine has all parts of."""
    weights: str = ""
    """A folder, a file or a hub name like "facebook/sam2.1-hiera-tiny"; empty: the usual ones."""
    device: str = "auto"
    """"cpu", "cuda", "cuda:1"; "auto": an accelerator if there is one."""
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """What the model computes in; "auto": half where model and device allow it."""
    quantization: Literal["none", "8bit", "4bit"] = "none"
    endpoint: str = ""
    """Base URL of an OpenAI-compatible server, for the backends that ask one."""
    endpoint_model: str = ""
    """The model to ask for there."""
    endpoint_key_variable: str = "OPENAI_API_KEY"
    """The environment variable that holds the server's key."""
    max_batch: int = 8
    """The most calls that one pass of a model answers."""
    max_batch_wait_s: float = 0.005
    """How long a call may wait for others to share a pass with."""


class HubSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The registry and front door process."""

    address: str = "127.0.0.1:50051"
    xds_address: str = ""
    """Where stock gRPC clients learn of the workers; empty: nowhere."""
    advertise_host: str = ""
    """What others dial instead of the listening host; empty: the same."""
    store: str = ""
    """Where leases are shared with other registries, `etcd://HOST:PORT`; empty: nowhere."""
    limits: LimitSettings = LimitSettings()
    tls: TlsSettings | None = None
    token: str = ""
    insecure: bool = False
    drain_s: float = 3.0


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One worker process."""

    id: str
    """Unique in the mesh: "image-0"."""
    tools: tuple[str, ...]
    """Classes to host, as "package.module:Class"."""
    registry: str = "127.0.0.1:50051"
    """One, or several with commas between them, tried in that order."""
    address: str = "127.0.0.1:0"
    """Where to listen; port 0 takes a free one. Without a host, ":0": at this machine's
    address on the way to the registry."""
    advertise_host: str = ""
    """What others dial instead of the listening host; empty: the same."""
    concurrency: int = 2
    """Calls run at once, each in a thread of its own."""
    models: ModelSettings = ModelSettings()
    limits: LimitSettings = LimitSettings()
    result_cache_dir: str = ""
    """A folder where answers outlive the process, shared with other workers; empty: none."""
    tls: TlsSettings | None = None
    token: str = ""
    insecure: bool = False
    drain_s: float = 3.0
    abandoned_after_s: float = 0.0
    """Without a registry for so long, it ends by itself; 0: never."""


S = TypeVar("S", HubSettings, WorkerSettings)


def from_environment(kind: type[S]) -> S:
    """The settings this process was started with.

    Raises: CannotStart, when they are missing or do not fit.
    """
    text = os.environ.get(SETTINGS_VARIABLE, "")
    if not text:
        raise CannotStart(f"{SETTINGS_VARIABLE} is not set; start processes with `thinkimg serve`")
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise CannotStart(f"{SETTINGS_VARIABLE}: {error}") from error


def token_from_environment() -> str:
    """The token in $THINKIMG_TOKEN, else in the file that $THINKIMG_TOKEN_FILE names, else "".

    Raises: CannotStart, when the file cannot be read or is empty.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    path = os.environ.get(TOKEN_FILE_VARIABLE, "")
    return token if token or not path else token_from_file(path, TOKEN_FILE_VARIABLE)


def token_from_file(path: str, where: str) -> str:
    """What a file says. Raises: CannotStart, when it cannot be read or is empty."""
    try:
        token = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CannotStart(f"{where}: cannot read {path}: {error.strerror}") from error
    if not token:
        raise CannotStart(f"{where}: {path} is empty; write the token into it")
    return token


def check_address(address: str, tls: TlsSettings | None, *, insecure: bool) -> None:
    """Refuse to listen where others can connect, unless the mesh is protected or told to.

    Raises: CannotStart, naming the remedy.
    """
    if address.startswith("unix:") or tls is not None or insecure or is_loopback(address):
        return
    raise CannotStart(
        f"{address} can be reached from other machines and the mesh has no TLS: "
        "configure [tls] in mesh.toml, listen on 127.0.0.1, or give --insecure"
    )


def is_loopback(address: str) -> bool:
    """Whether only this machine can connect to HOST:PORT."""
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
