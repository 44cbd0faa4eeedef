"""`python -m thinkimg_eval`: what `thinkimg eval` is, for launchers that start modules."""

import sys

from thinkimg_rpc.cli import main

if __name__ == "__main__":
    sys.exit(main(["eval", *sys.argv[1:]]))
