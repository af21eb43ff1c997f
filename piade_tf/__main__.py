"""`python -m piade_tf COMMAND`, where `piade` is not installed. See --help."""

import sys

from piade_tf.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
