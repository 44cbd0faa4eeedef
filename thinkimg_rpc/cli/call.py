"""`thinkimg call`: one call of a tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from thinkimg_rpc.cli.connection import (
    DEFAULT_ADDRESS,
    Address,
    TlsCa,
    TlsCert,
    TlsKey,
    open_mesh,
    tls_settings,
)
from thinkimg_rpc.cli.inputs import Arguments, Images, Tool, read_arguments, read_images


def call(
    tool: Tool,
    image: Images = None,
    args: Arguments = "{}",
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write result images into this folder: crop-1.png, …"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the response as JSON, image bytes left out.")
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Give up after this.")
    ] = 60.0,
    address: Address = DEFAULT_ADDRESS,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Call a tool and print what it answers.

    thinkimg call OCR --image chart.png

    thinkimg schema Crop --format prompt     lists its arguments

    thinkimg call Crop --image chart.png --save out
    --args '{"box": {"x0": 0, "y0": 0, "x1": 200, "y1": 80}}'
    """
    from thinkimg_rpc.arguments import response_json
    from thinkimg_rpc.cli.answer import describe, result_images, save_images
    from thinkimg_rpc.errors import DeadlineExceeded

    images = read_images(image)
    arguments = read_arguments(args)
    with open_mesh(address, tls_settings(tls_ca, tls_cert, tls_key)) as mesh:
        try:
            response = mesh.call(tool, arguments, images=images, timeout_s=timeout_s)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(
                f"no answer within {timeout_s:g} s; --timeout gives it longer"
            ) from error
    saved = save_images(list(result_images(response)), tool, save) if save else {}
    if as_json:
        print(json.dumps(response_json(response), indent=2, ensure_ascii=False))
        return
    for line in describe(response, response_json(response), saved):
        print(line)
