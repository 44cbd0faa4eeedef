"""Our own code in a worker's environment.

It comes as links to the code that the supervisor itself runs, installed or a
checkout: supervisor and worker always are of one version, and a change of the code
needs no environment to be built again. What the code needs is installed by pip,
which finds our metadata among the links.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import tempfile
from importlib import metadata
from pathlib import Path

_DISTRIBUTION = "thinkimg-rpc"
_PACKAGES = ("thinkimg_rpc", "thinkimg_workers")
_EXTRA = "worker"


def requirement() -> str:
    """What pip is asked for: us as we are, with all that a worker process needs."""
    return f"{_DISTRIBUTION}[{_EXTRA}]=={metadata.version(_DISTRIBUTION)}"


def needs() -> list[str]:
    """What that requirement stands for: it changes when an environment must be built again."""
    texts = metadata.requires(_DISTRIBUTION) or []
    extra_of = re.compile(r"""extra == ['"]([\w-]+)['"]""")
    return sorted(
        text for text in texts if (extra := extra_of.search(text)) is None or extra[1] == _EXTRA
    )


def place(folder: Path) -> Path:
    """The folder inside `folder` that has the links and nothing else, for PYTHONPATH."""
    text = "\n".join(str(target) for target in _targets())
    return folder / f"thinkimg-rpc-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def link(place: Path) -> None:
    """Make the links in `place`, unless they are there. Raises: OSError."""
    if place.is_dir():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    for target in _targets():
        (beside / target.name).symlink_to(target)
    beside.chmod(0o755)
    try:
        beside.rename(place)
    except OSError:
        # Another mesh was faster: it made the same.
        for target in _targets():
            (beside / target.name).unlink()
        beside.rmdir()
        if not place.is_dir():
            raise


def _targets() -> list[Path]:
    """Our packages and our metadata, wherever they are."""
    found = []
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            found.append(Path(spec.origin).parent)
    distribution = metadata.distribution(_DISTRIBUTION)
    for file in distribution.files or []:
        if file.name == "METADATA":
            found.append(Path(str(distribution.locate_file(file))).parent)
    return [target.absolute() for target in found]
