#!/bin/sh
# What an image has beside its virtual environment: Python, a user without rights, and the
# folders that the user writes into or finds mounted. Runs as root on Debian.
set -eu

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# venv: workers can have environments of their own. libgomp1: onnxruntime and PyTorch.
apt-get install -qq -y --no-install-recommends ca-certificates libgomp1 python3 python3-venv
rm -rf /var/lib/apt/lists/* /var/cache/apt/*

groupadd --gid 10001 thinkimg
# Libraries keep caches at home, which must be writable where the root file system is not.
useradd --uid 10001 --gid thinkimg --home-dir /tmp --no-create-home \
    --shell /usr/sbin/nologin thinkimg
mkdir -p /log /mesh /weights
chown thinkimg:thinkimg /log
