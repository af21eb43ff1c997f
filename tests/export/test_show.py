"""`piade show`: the metadata of a file, and whatever has been changed in it since it was exported."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.options import Show
from export.show import show
from export.tflite.flatbuffer import (
    FILE_IDENTIFIER,
    MAGIC,
    METADATA_NAME,
    is_ours,
    is_untouched,
    metadata_of,
    with_metadata,
)
from piade_tf.errors import InputError


@pytest.fixture(scope="module")
def model(exported):
    return (exported.folder / "int8.tflite").read_bytes()


@pytest.fixture(scope="module")
def refusal(tmp_path_factory):
    """What `show` says of a file with the given content."""
    path = tmp_path_factory.mktemp("changed") / "some.tflite"

    def of(content):
        path.write_bytes(content)
        with pytest.raises(InputError) as told:
            show(Show(path))
        assert str(path) in str(told.value) and "\n" not in str(told.value)
        return str(told.value)

    return of


def flipped(content, place, flip):
    return content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]


def test_metadata_of_an_untouched_file_are_printed(exported, capsys):
    assert show(Show(exported.folder / "int8_full.tflite", json=True)) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "int8_full"


@pytest.mark.parametrize("name", ["float32", "int8_full"])
def test_the_summary_is_short_and_has_the_threshold_with_its_promise(exported, capsys, name):
    metadata = json.loads((exported.folder / f"{name}.json").read_text())
    assert show(Show(exported.folder / f"{name}.tflite")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 15 and max(map(len, lines)) < 300
    (said,) = (line for line in lines if line.startswith("threshold "))
    assert f"{metadata['threshold']['value']:.4g}" in said and "false alarms expected" in said
    assert any(line.startswith("outputs") and "reconstruction" in line for line in lines)
    assert "--json" in lines[-1]


@pytest.fixture
def of_version(model, tmp_path):
    """The file with its metadata changed as another version would have them."""

    def made(change):
        metadata = metadata_of(model)
        change(metadata)
        (tmp_path / "some.tflite").write_bytes(with_metadata(model, metadata))
        return Show(tmp_path / "some.tflite")

    return made


def test_a_file_of_an_earlier_version_has_a_summary_too(of_version, capsys):
    def earlier(metadata):
        del metadata["input"]["bits"], metadata["threshold"]["folds"], metadata["threshold"]["apart"]

    assert show(of_version(earlier)) == 0
    assert "are taken to use 16 bits" in capsys.readouterr().out


def test_keys_that_a_later_version_adds_are_passed_over(of_version, capsys):
    def later(metadata):
        for part in (metadata, metadata["input"], metadata["threshold"], metadata["map_threshold"]):
            part["guarantee"] = "exact"

    assert show(of_version(later)) == 0
    assert "false alarms expected" in capsys.readouterr().out


def test_a_later_format_is_refused(of_version):
    with pytest.raises(InputError, match="some.tflite have the format 2, this version reads 1") as told:
        show(of_version(lambda metadata: metadata.update(format_version=2, version="9.1")))
    assert str(told.value).endswith("that exported it, 9.1") and "\n" not in str(told.value)


@pytest.mark.parametrize("folder", ["export", "export/rejected"])
def test_a_change_that_was_cut_short_is_completed_first(model, tmp_path, capsys, folder):
    metadata = metadata_of(model)
    changed = with_metadata(model, metadata | {"threshold": metadata["threshold"] | {"value": 1234.0}})
    for place, content in ((tmp_path / folder, model), (tmp_path / ".ready" / folder, changed)):
        place.mkdir(parents=True)
        (place / "int8.tflite").write_bytes(content)
    assert show(Show(tmp_path / folder / "int8.tflite")) == 0
    assert "1234, for the scores of this file" in capsys.readouterr().out
    assert not (tmp_path / ".ready").exists()


@settings(deadline=None, max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_byte_changed_anywhere_is_a_change(exported, refusal, share, flip):
    model = (exported.folder / "int8.tflite").read_bytes()
    assert "was changed since it was exported" in refusal(flipped(model, int(share * len(model)), flip))


@settings(deadline=None, max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_byte_changed_in_the_metadata_is_a_change(exported, refusal, share, flip):
    model = (exported.folder / "int8.tflite").read_bytes()
    start = model.rindex(MAGIC)
    place = start + int(share * (len(model) - start))
    assert "was changed since it was exported" in refusal(flipped(model, place, flip))


@pytest.mark.parametrize("mark", [MAGIC, METADATA_NAME.encode(), FILE_IDENTIFIER])
def test_every_byte_of_a_mark_and_of_what_follows_it_counts(model, mark):
    start = model.rindex(mark)
    for place in range(start, min(start + len(mark) + 40, len(model))):
        changed = flipped(model, place, 1 + place % 255)
        assert is_ours(changed) and not is_untouched(changed)


@pytest.mark.parametrize("cut", [1, 30, 2000])
def test_a_file_that_is_cut_short_is_changed(model, refusal, cut):
    assert "was changed since it was exported, or cut short" in refusal(model[:-cut])


@pytest.mark.parametrize("content, found", [(b"", "no LiteRT file"), (b"\0\0\0\0TFL3" + bytes(90), "no metadata")])
def test_files_of_others_are_told_as_such(refusal, content, found):
    assert found in refusal(content)
