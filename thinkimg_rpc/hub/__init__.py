"""The registry and the front door, one process. `python -m thinkimg_rpc.hub`."""
