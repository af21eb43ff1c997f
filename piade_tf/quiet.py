"""TensorFlow greets with a dozen lines on stderr, from C++, before any log level counts."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def stderr_only_on_failure() -> Iterator[None]:
    """Holds back what is written to the stderr of the process; shows it only if an exception passes."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(saved, held_back.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            for name in ("tensorflow", "absl"):  # warn of functions traced for several models, of odd TFDS folders
                logging.getLogger(name).setLevel(logging.ERROR)
