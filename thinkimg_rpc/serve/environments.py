"""The environments that workers run in where `mesh.toml` gives them one of their own."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from thinkimg_rpc.serve import own_package
from thinkimg_rpc.serve.config import EnvironmentSection
from thinkimg_rpc.serve.leash import run_on_leash
from thinkimg_rpc.serve.log_file import LogFile
from thinkimg_rpc.serve.pip_words import step_of, why_it_failed
from thinkimg_rpc.serve.recipe import Recipe, recipe_of
from thinkimg_rpc.settings import CannotStart

ANNOUNCE_EVERY_S = 5.0
"""How often it is told what a build is doing."""
_LOCK_POLL_S = 0.2
_STAMP = "thinkimg.json"
"""Written last: an environment without it was never finished, and is made anew."""
_INHERITED = "zz_thinkimg_inherited.pth"
"""Read after all other .pth files: whatever the environment has itself goes first."""
_PIP = (
    *("-m", "pip", "install", "--no-input", "--disable-pip-version-check"),
    *("--progress-bar", "off", "--no-warn-script-location"),
)
_PROBE = """
import sys
import google.protobuf
found = google.protobuf.__version__
if tuple(map(int, found.split(".")[:2])) < (6, 31):
    sys.exit(f"protobuf {found} is too old, 6.31.1 or newer is needed")
import cv2, isal, numpy, PIL, thinkimg_rpc.server.__main__, thinkimg_workers, uvloop
"""
"""What every worker process imports, whatever its tools do."""

Say = Callable[[str], None]


class WorkerEnvironment:
    """What `[env.NAME]` describes; built when a worker first asks for it."""

    def __init__(self, name: str, section: EnvironmentSection, folder: Path, log: Path) -> None:
        """Args:

        folder: where environments are kept, for all meshes of a user.
        log: where what pip says goes.
        """
        self.name = name
        self._section = section
        self._folder = folder
        self._log = LogFile(log)
        self._own_package = own_package.place(folder)
        self._asked = asyncio.Lock()
        self._listeners: list[Say] = []
        self._outcome: str | CannotStart | None = None
        self._step = ""

    def variables(self, inherited: str = "") -> dict[str, str]:
        """What a worker in it must have set; `inherited` is the PYTHONPATH so far."""
        paths = [str(self._own_package), *([inherited] if inherited else [])]
        return {"PYTHONPATH": os.pathsep.join(paths)}

    async def is_there(self) -> bool:
        """Whether `ready` would find it built, or need not build it.

        Raises: CannotStart, when it could not be built.
        """
        if self._section.path:
            return True
        try:
            recipe = await recipe_of(self._section)
        except CannotStart as error:
            raise CannotStart(f"[env.{self.name}] {error}") from error
        return _is_whole(self._folder / f"{self.name}-{recipe.key}")

    async def ready(self, say: Say) -> str:
        """The interpreter to run a worker with.

        Where it takes long, `say` is told every few seconds what is going on.

        Raises: CannotStart, with the reason and where the log is.
        """
        self._listeners.append(say)
        try:
            async with self._asked:
                if not isinstance(self._outcome, CannotStart):
                    self._outcome = await self._try_to_make_ready()
        finally:
            self._listeners.remove(say)
        if isinstance(self._outcome, CannotStart):
            raise CannotStart(str(self._outcome))
        return self._outcome

    async def _try_to_make_ready(self) -> str | CannotStart:
        try:
            own_package.link(self._own_package)
            if self._section.path:
                return await self._existing()
            return await self._built(await recipe_of(self._section))
        except CannotStart as error:
            return CannotStart(f"[env.{self.name}] {error}")
        except OSError as error:
            return CannotStart(
                f"[env.{self.name}] cannot be built in {self._folder}: {error}; environment_dir "
                "in [mesh] names another folder"
            )

    async def _existing(self) -> str:
        python = Path(self._section.path) / "bin" / "python"
        if not os.access(python, os.X_OK):
            raise CannotStart(
                f'path: "{self._section.path}" is no virtual environment: it has no bin/python'
            )
        if self._outcome is None:
            install = f"{python} -m pip install '{own_package.requirement()}'"
            await self._probe(python, f"`{install}` installs what it needs")
        return str(python)

    async def _built(self, recipe: Recipe) -> str:
        home = self._folder / f"{self.name}-{recipe.key}"
        python = home / "bin" / "python"
        if not _is_whole(home):
            with self._announcing():
                async with _locked(home.with_suffix(".lock"), self._wait_for_another):
                    if not _is_whole(home):
                        await self._build(recipe, home, python)
        return str(python)

    async def _build(self, recipe: Recipe, home: Path, python: Path) -> None:
        """Build in place, because scripts in an environment know its path; stamp it last."""
        began = time.monotonic()
        self._log.rotate()
        try:
            await self._create(recipe, home)
            self._step = "looking for packages"
            await self._run([python, *_PIP, *recipe.requirements], home)
            if version := _windowed_opencv(home):
                await self._replace_opencv(python, home, version)
            self._step = "trying it out"
            await self._probe(python, f"what was installed is in the log: {self._log.path}")
            beside = home / f"{_STAMP}.new"
            beside.write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
            beside.rename(home / _STAMP)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        self._tell(f'environment "{self.name}" is ready after {time.monotonic() - began:.0f} s')

    async def _create(self, recipe: Recipe, home: Path) -> None:
        self._step = "making a virtual environment"
        options = ["--clear", *(["--without-pip"] if recipe.inherits_pip else [])]
        await self._run([recipe.python.path, "-I", "-m", "venv", *options, home], self._folder)
        if recipe.inherited_folders:
            _inherit(home, recipe.inherited_folders)

    async def _replace_opencv(self, python: Path, home: Path, version: str) -> None:
        """Take the same OpenCV without windows: with them it wants libGL, which servers lack."""
        self._step = "replacing opencv-python by opencv-python-headless"
        await self._run([python, "-m", "pip", "uninstall", "--yes", "opencv-python"], home)
        headless = f"opencv-python-headless=={version}"
        await self._run([python, *_PIP, "--force-reinstall", "--no-deps", headless], home)

    async def _run(self, command: list[str | Path], folder: Path) -> None:
        """Raises: CannotStart, with the reason that the command printed."""
        lines: list[str] = []
        with self._log.open() as log:

            def on_line(line: str) -> None:
                log.write(f"{line}\n".encode())
                log.flush()
                lines.append(line)
                self._step = step_of(line) or self._step

            status = await run_on_leash(
                command, environment=self._surroundings(), folder=folder, on_line=on_line
            )
        if status != 0:
            raise CannotStart(f"cannot be built: {why_it_failed(lines)} (log: {self._log.path})")

    async def _probe(self, python: Path, remedy: str) -> None:
        """Raises: CannotStart, when a worker process could not import what it needs."""
        lines: list[str] = []
        status = await run_on_leash(
            [python, "-P", "-c", _PROBE],
            environment=self._surroundings(),
            folder=self._folder,
            on_line=lines.append,
        )
        if status != 0:
            last = next((line for line in reversed(lines) if line.strip()), f"status {status}")
            raise CannotStart(f"cannot run a worker: {last}; {remedy}")

    def _surroundings(self) -> dict[str, str]:
        """The environment variables for pip, which must see our metadata and nobody else's."""
        foreign = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
        kept = {name: text for name, text in os.environ.items() if name not in foreign}
        return kept | self.variables() | {"PYTHONUNBUFFERED": "1"}

    def _wait_for_another(self) -> None:
        self._step = "another mesh is building it"

    def _tell(self, text: str) -> None:
        for say in self._listeners:
            say(text)

    @contextlib.contextmanager
    def _announcing(self) -> Iterator[None]:
        began = time.monotonic()
        self._tell(f'environment "{self.name}" is being built, once (log: {self._log.path})')

        async def announce() -> None:
            while True:
                await asyncio.sleep(ANNOUNCE_EVERY_S)
                spent_s = time.monotonic() - began
                self._tell(f'environment "{self.name}": {self._step}, {spent_s:.0f} s so far')

        announcing = asyncio.create_task(announce())
        try:
            yield
        finally:
            announcing.cancel()


def _inherit(home: Path, folders: Sequence[str]) -> None:
    """Let an environment see the packages in these folders, behind its own."""
    (packages,) = home.glob("lib/python*/site-packages")
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in folders]
    (packages / _INHERITED).write_text("".join(lines), encoding="utf-8")


def _windowed_opencv(home: Path) -> str:
    """The version of opencv-python that an environment has itself; "" for none."""
    found = [info.name for info in home.glob("lib/python*/site-packages/opencv_python-*.dist-info")]
    return found[0].removesuffix(".dist-info").partition("-")[2] if found else ""


def _is_whole(home: Path) -> bool:
    return (home / _STAMP).is_file() and (home / "bin" / "python").exists()


@contextlib.asynccontextmanager
async def _locked(path: Path, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold a lock that other processes respect too; the kernel lets go of it with ours."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                await asyncio.sleep(_LOCK_POLL_S)
        yield
