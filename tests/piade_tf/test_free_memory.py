"""Free memory on systems that tell of it in different ways."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from piade_tf.free_memory import free_memory

ROOT = Path(__file__).parents[2]
WITHOUT_RESOURCE = """
import sys
sys.modules["resource"] = None
import export.run, export.verification.verify, piade_tf.data.caching, piade_tf.training.feature_cache
"""


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="psutil needs no other module there")
def test_it_is_told_without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert 0 < free_memory() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_python_without_the_module_resource_can_train_and_export():
    done = subprocess.run([sys.executable, "-c", WITHOUT_RESOURCE], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
