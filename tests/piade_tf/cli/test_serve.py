"""`piade serve`: what is wrong with a run, a port or an option is said in one line, before anything is served."""

import socket
import struct

import pytest

from piade_tf.cli.main import main


@pytest.fixture
def complaint(capsys):
    """Runs the command on a mistake and returns its one line."""

    def of(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["serve", *map(str, arguments)])
        assert stop.value.code == 2
        line = capsys.readouterr().err
        assert line.startswith("error: ") and line.count("\n") == 1
        return line

    return of


def test_a_run_that_cannot_be_served(complaint, tmp_path):
    assert "does not exist" in complaint(tmp_path / "none", "--port", 0)
    assert "piade export" in complaint(tmp_path, "--port", 0).replace("python -m piade_tf", "piade")
    export = tmp_path / "export"
    export.mkdir()
    (export / "int8.tflite").write_bytes(b"x")
    assert "int8" in complaint(tmp_path, "--port", 0)
    (export / "float32.tflite").write_bytes(b"TFL3 PIADEMD1" + struct.pack("<I", 2) + b"{}")
    assert "changed or cut short" in complaint(tmp_path, "--port", 0)


def test_an_address_that_cannot_be_had(complaint, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in complaint(tmp_path, "--port", port)
    assert "no.such.host.invalid" in complaint(tmp_path, "--host", "no.such.host.invalid")
    assert "65535" in complaint(tmp_path, "--port", 70000)
    for no_name in ("..", "a" * 64, "a\udce9"):
        assert "no host has such a name" in complaint(tmp_path, "--host", no_name)


@pytest.mark.parametrize(
    "options",
    [("--max-megabytes", 0), ("--max-megapixels", 65), ("--threads", -1), ("--format", "saved_model")],
)
def test_an_option_out_of_place(complaint, tmp_path, options):
    assert options[0] in complaint(tmp_path, *options)


def test_a_folder_without_the_inspector(complaint, tmp_path):
    assert "index.html" in complaint(tmp_path, "--app", tmp_path)


def test_a_missing_package_is_told_with_the_command_that_brings_it(complaint, tmp_path, monkeypatch):
    monkeypatch.setattr("piade_tf.cli.serve.NEEDED", ("no_such_package",))
    assert "pip install" in complaint(tmp_path) and "serve" in complaint(tmp_path)
