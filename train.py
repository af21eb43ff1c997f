"""Train PIADE on normal images, score the test set, and leave a run directory: `piade train`. See --help."""

import sys

from piade_tf.__main__ import main

if __name__ == "__main__":
    sys.exit(main(only="train"))
