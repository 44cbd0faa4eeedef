"""The worker process: a gRPC server that hosts tools. `python -m thinkimg_rpc.server`."""
