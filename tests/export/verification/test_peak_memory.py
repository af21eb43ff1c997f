"""The memory of a process on systems that tell of it in different ways."""

import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from export.verification import peak_memory as module
from export.verification.peak_memory import peak_memory


@pytest.mark.parametrize("status", ["/proc/self/status", "no/such/file", "with nothing in it"])
def test_a_large_array_is_seen_however_the_system_tells(monkeypatch, tmp_path, status):
    (tmp_path / "with nothing in it").write_text("Name: python\n")
    monkeypatch.setattr(module, "STATUS", tmp_path / status)
    before = peak_memory()
    size = before - psutil.Process().memory_info().rss + (64 << 20)  # past the peak, from where memory is now
    array = np.ones(size, "uint8")
    assert peak_memory() > before + (32 << 20)
    assert len(array) == size


def test_windows_tells_by_psutil(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "STATUS", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "resource", None)
    told = SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=12345))
    monkeypatch.setattr(psutil, "Process", lambda: told)
    assert peak_memory() == 12345
