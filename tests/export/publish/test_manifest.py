"""What a manifest says of the machine."""

import platform

import pytest

from export.publish.manifest import processor

OF_INTEL = "cpu family\t: 6\nmodel\t\t: 207\nmodel name\t: Intel(R) Xeon(R) Processor\nstepping\t: 8\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (OF_INTEL + "\n" + OF_INTEL, "Intel(R) Xeon(R) Processor (family 6, model 207)"),
        ("model name\t: ARMv7 Processor rev 4 (v7l)\n", "ARMv7 Processor rev 4 (v7l)"),
        ("CPU implementer\t: 0x41\n", platform.processor() or platform.machine()),
    ],
)
def test_a_processor_has_its_name_family_and_model(tmp_path, text, name):
    (path := tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
    assert processor(path) == name


def test_a_system_without_the_list_says_its_architecture(tmp_path):
    assert processor(tmp_path / "none") == (platform.processor() or platform.machine())
