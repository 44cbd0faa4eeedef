"""A SLURM of the tests' own: munged, slurmctld and slurmd on this machine, in a temp folder.

Everything is started in the foreground, with a key, sockets, ports and a
configuration of its own, so that it disturbs no SLURM that the machine may have.
It needs neither systemd nor control groups nor an accounting database.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
START_S = 60.0
STOP_S = 20.0
CPUS = 8
"""More than there are: a worker takes one, and hardly uses it."""
PARTITIONS = ("work", "urgent")
"""Jobs in "urgent" take what they need from those in "work", which are preempted."""

_CONF = """
ClusterName=thinkimg-tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SwitchType=switch/none
MpiDefault=none
# No control groups, no accounting: containers have neither.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_min_interval=100000
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
ReturnToService=2
KillWait=5
MinJobAge=60
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 State=UNKNOWN
PartitionName=work Nodes={host} Default=YES MaxTime=60 State=UP PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=60 State=UP PriorityTier=2
"""


@dataclass(frozen=True)
class QueuedJob:
    """A job as squeue lists it."""

    id: int
    name: str
    state: str


def queued_jobs() -> list[QueuedJob]:
    """All jobs that are not over."""
    found = subprocess.run(
        ["squeue", "--noheader", "--format=%i|%j|%T"], capture_output=True, text=True, check=True
    )
    fields = [line.split("|") for line in found.stdout.splitlines()]
    return [QueuedJob(int(id), name, state) for id, name, state in fields]


def submit(command: str, *options: str) -> int:
    """Somebody's job, which is none of a mesh's; its number."""
    done = subprocess.run(
        ["sbatch", "--parsable", "--output=/dev/null", *options, f"--wrap={command}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def cancel(job: int) -> None:
    """As somebody does at the command line."""
    subprocess.run(["scancel", str(job)], check=True)


def missing_programs() -> list[str]:
    """Those of PROGRAMS that this machine lacks."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


@contextmanager
def slurm_cluster() -> Iterator[Path]:
    """A SLURM of one node that takes jobs; its slurm.conf, for $SLURM_CONF."""
    # Not in pytest's folder: the path of a Unix socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    conf = _write_configuration(folder)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        key, munge = folder / "munge.key", folder / "munge.socket"
        _start(
            stack,
            folder / "munged.out",
            *("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={munge}"),
            *(f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")),
        )
        _wait("munged", munge.exists)
        _start(stack, folder / "slurmctld.out", "slurmctld", "-D", "-i", "-f", str(conf))
        _start(stack, folder / "slurmd.out", "slurmd", "-D", "-f", str(conf), "-N", _host())
        _wait("SLURM", lambda: _sinfo(conf) == {"idle"})
        stack.callback(_cancel_all, conf)
        yield conf


def _write_configuration(folder: Path) -> Path:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    ctld_port, slurmd_port = _free_ports(2)
    conf = folder / "slurm.conf"
    conf.write_text(
        _CONF.format(
            folder=folder,
            host=_host(),
            cpus=CPUS,
            ctld_port=ctld_port,
            slurmd_port=slurmd_port,
        )
    )
    # A file that is not there is looked for in /etc.
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    return conf


def _start(stack: ExitStack, output: Path, *command: str) -> None:
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    with output.open("wb") as file:
        process = subprocess.Popen(
            # Should pytest be killed, they end too.
            ["setpriv", "--pdeathsig", "TERM", *command],
            stdout=file,
            stderr=file,
            env=os.environ | {"PATH": path},
        )
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is not up within {START_S:g} s")
        time.sleep(0.1)


def _sinfo(conf: Path) -> set[str]:
    found = subprocess.run(
        ["sinfo", "--noheader", "--format=%t"],
        capture_output=True,
        text=True,
        env=os.environ | {"SLURM_CONF": str(conf)},
        check=False,
    )
    return set(found.stdout.split())


def _cancel_all(conf: Path) -> None:
    environment = os.environ | {"SLURM_CONF": str(conf)}
    for arguments in (["--full", "--signal=KILL"], []):
        subprocess.run(["scancel", "--me", *arguments], env=environment, check=False)


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
