"""TensorFlow greets with a dozen lines on stderr, from C++, before any log level counts."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from piade_tf.errors import InputError


@contextlib.contextmanager
def stderr_only_on_failure() -> Iterator[None]:
    """Holds back what is written to the stderr of the process; shows it only if an exception passes."""
    with _held_back(2):
        yield
    for name in ("tensorflow", "absl"):  # warn of functions traced for several models, of odd TFDS folders
        logging.getLogger(name).setLevel(logging.ERROR)


@contextlib.contextmanager
def output_only_on_failure() -> Iterator[None]:
    """The same for stdout and stderr: converters print a hundred lines to both."""
    sys.stdout.flush()
    with _held_back(1), _held_back(2):
        yield
        sys.stdout.flush()


@contextlib.contextmanager
def _held_back(descriptor: int) -> Iterator[None]:
    saved = os.dup(descriptor)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), descriptor)
        try:
            yield
        except InputError:  # says in a line what there is to say
            raise
        except BaseException:
            held_back.seek(0)
            os.write(saved, held_back.read())
            raise
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)
