"""Calls Echo once on each of the channels named, and prints what became of it, line by line.

python one_call.py plain|tls TARGET...
"""

from __future__ import annotations

import sys
from typing import Any

import grpc

from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub

DEADLINE_S = 60.0


def call(kind: str, target: str) -> str:
    with open_channel(kind, target) as channel:
        echo: Any = EchoServiceStub(channel)
        try:
            return f"OK {echo.Echo(EchoRequest(text='hello'), timeout=DEADLINE_S).worker_id}"
        except grpc.RpcError as error:
            failure: Any = error
            return f"{failure.code().name} {failure.details()}"


def open_channel(kind: str, target: str) -> grpc.Channel:
    if kind == "plain":
        return grpc.insecure_channel(target)
    return grpc.secure_channel(target, grpc.xds_channel_credentials())


if __name__ == "__main__":
    kind, *targets = sys.argv[1:]
    for target in targets:
        print(call(kind, target), flush=True)
