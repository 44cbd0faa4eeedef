"""From the JSON a model or a person wrote to a request, and back for display.

Only what calls tools without their stubs imports this: it needs `jsonschema`.
"""

from __future__ import annotations

from thinkimg_rpc.arguments.build import build_request
from thinkimg_rpc.arguments.display import arguments_of, request_json, response_json

__all__ = ["arguments_of", "build_request", "request_json", "response_json"]
