"""`python -m thinkimg_rpc.cli`: the same as `thinkimg`, where that is not on the path."""

from __future__ import annotations

import sys

from thinkimg_rpc.cli import main

sys.exit(main())
