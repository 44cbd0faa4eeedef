"""What tests against vLLM share. They run in its own environment: `make test-vllm`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# vLLM reads these when it is imported, and so do the processes that it starts.
os.environ |= {
    "OMP_NUM_THREADS": "1",
    # Compiling takes longer than all that the tests sample.
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # The tests' own process has to run somewhere.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}

import psutil
import transformers

from ..workers.tiny_checkpoints import save_qwen_vl

TEXT = {
    "hidden_size": 64,
    # vLLM's attention on the CPU takes no smaller ones.
    "head_dim": 32,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "mrope_section": [4, 6, 6],
    },
}


READY = "Application startup complete"

# A random model would hardly ever end a turn; this one does after a dozen tokens or so.
ENDS = range(24)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen2-VL that takes contexts of 8,192 tokens."""
    text = {**TEXT, "max_position_embeddings": 8192}
    folder = save_qwen_vl(tmp_path_factory.mktemp("qwen2_vl"), text=text)
    loader: Any = transformers.GenerationConfig
    settings = loader.from_pretrained(folder)
    settings.eos_token_id = [*settings.eos_token_id, *ENDS]
    settings.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[str]:
    """The base URL of vLLM's own server, with that model as "tiny"."""
    with serving(folder, "--enable-auto-tool-choice", "--tool-call-parser", "hermes") as url:
        yield f"{url}/v1"


@pytest.fixture(scope="module")
def trainers_server(folder: Path) -> Iterator[str]:
    """The base URL of a server that takes and gives tokens, and takes weights."""
    logprobs = ("--logprobs-mode", "processed_logprobs")
    with serving(
        folder, "--enable-scale-out", "--dtype", "float32", *logprobs, develop=True
    ) as url:
        yield url


@contextmanager
def serving(folder: Path, *words: str, develop: bool = False) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(folder), "--served-model-name", "tiny", "--enforce-eager"),
            *("--host", "127.0.0.1", "--port", str(port), *words),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | ({"VLLM_SERVER_DEV_MODE": "1"} if develop else {}),
    )
    assert process.stdout is not None
    try:
        said: list[str] = []
        while READY not in (line := process.stdout.readline()):
            assert line, "".join(said)
            said.append(line)
        draining = threading.Thread(target=process.stdout.read)
        draining.start()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
    draining.join()
    process.stdout.close()


def is_tracker(process: psutil.Process) -> bool:
    """Whether it is Python's own resource tracker, which stays as long as this process does."""
    return "resource_tracker" in " ".join(process.cmdline())
