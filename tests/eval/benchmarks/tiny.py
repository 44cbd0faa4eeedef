"""Benchmarks of a question or two, in the form that each is published in."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image


def picture(shade: int = 200) -> bytes:
    """A PNG of 4x3 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()


def write(file: Path, content: bytes | Any) -> Path:
    """Bytes as they are, anything else as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file


def write_table(file: Path, rows: Sequence[Mapping[str, Any]], *, images: bool = True) -> None:
    """A parquet file as the hub has it, with `image` as its type of that name."""
    from datasets import Dataset
    from datasets import Image as ImageFeature

    table = Dataset.from_list([dict(row) for row in rows])
    file.parent.mkdir(parents=True, exist_ok=True)
    (table.cast_column("image", ImageFeature()) if images else table).to_parquet(str(file))
