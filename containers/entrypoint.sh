#!/bin/sh
# What a container does: `thinkimg` with the words it is given, `serve` if there are none.
#
# Without a mesh.toml in the folder (mount one at /mesh), `serve` serves the image's own. It
# listens inside the container only, so that a published port leads nowhere, unless a token
# guards it (THINKIMG_TOKEN) or `serve --insecure` was asked for.
set -eu

own=$(dirname "$0")/mesh.toml
words=${*:-serve}

if [ -f mesh.toml ] || { [ "$words" != serve ] && [ "$words" != "serve --insecure" ]; }; then
    [ $# -gt 0 ] || set -- serve
    exec thinkimg "$@"
fi
if [ -n "${THINKIMG_TOKEN:-}" ] || [ "$words" = "serve --insecure" ]; then
    # --insecure: without TLS. Who can connect is decided where the port is published.
    exec thinkimg serve --config "$own" --address 0.0.0.0:50051 --insecure
fi
echo "no THINKIMG_TOKEN: published ports lead nowhere until there is one, or --insecure" >&2
exec thinkimg serve --config "$own" --address 127.0.0.1:50051
