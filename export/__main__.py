"""`python -m export RUN` and `python -m export show FILE`: `piade export` and `piade show`. See --help."""

import sys

from piade_tf.__main__ import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["show"]:
        sys.exit(main(sys.argv[2:], only="show"))
    sys.exit(main(only="export"))
