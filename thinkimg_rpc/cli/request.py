"""`thinkimg request`: the JSON of a request, for other gRPC clients."""

from __future__ import annotations

import json

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


def request(
    tool: Tool,
    image: Images = None,
    args: Arguments = "{}",
    address: Address = DEFAULT_ADDRESS,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Print a request as JSON, for other clients.

    Images are in base64. Pipe it into any gRPC client:

    thinkimg request OCR --image chart.png |
    grpcurl -plaintext -d @ 127.0.0.1:50051 thinkimg_rpc.v1.OCRService/OCR
    """
    from thinkimg_rpc.arguments import build_request, request_json
    from thinkimg_rpc.v1 import Image

    images = {name: Image(data=data) for name, data in read_images(image).items()}
    arguments = read_arguments(args)
    with open_mesh(address, tls_settings(tls_ca, tls_cert, tls_key)) as mesh:
        contract = mesh.contract(tool)
    print(json.dumps(request_json(build_request(contract, arguments, images))))
