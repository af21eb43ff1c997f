"""The walk through a folder: every entry is an image, passed over by a rule, or named as not looked at."""

import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from piade_tf.data.walk import entries, left_behind, walk
from piade_tf.run_directory import NEEDED
from piade_tf.unfinished import BEGUN, FOLDER


def content(kind="PNG"):
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, kind)
    return stream.getvalue()


def put(root, name, data=b"x"):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize("kind, name", [("JPEG", "a"), ("PNG", "scan.001"), ("TIFF", "b.img"), ("WEBP", "c.dat")])
def test_a_picture_is_known_by_its_content_whatever_its_ending(tmp_path, kind, name):
    put(tmp_path, name, content(kind))
    assert walk(tmp_path).images == [name]


@pytest.mark.parametrize(
    "start", [b"P3 1 1 255 ", b"P6\n", b"MM\0+", b"II+\0", b"\0\0\0 ftypheic", b"\xff\xd8\xff\xdb"]
)
def test_a_picture_without_an_ending_is_one_however_it_begins(tmp_path, start):
    put(tmp_path, "scan", start + bytes(30))
    assert walk(tmp_path).images == ["scan"]


@pytest.mark.parametrize("name", ["a.JPE", "a.jfif", "a.HEIC", "a.avif", "a.PGM", "a.dib", "a.TIF"])
def test_a_known_ending_is_enough(tmp_path, name):
    put(tmp_path, name, b"")
    assert walk(tmp_path).images == [name]


@pytest.mark.parametrize("name", ["film.MP4", "f.flv", "f.VOB", "raw.dng", "raw.CR2", "a.jxl", "a.psd", "a.qoi"])
def test_what_looks_like_a_picture_and_is_not_read_is_named(tmp_path, name):
    put(tmp_path, name)
    found = walk(tmp_path)
    assert found.images == [] and [path for path, _ in found.unread] == [name]
    assert os.path.splitext(name)[1].lower() in found.unread[0][1]


@pytest.mark.parametrize(
    "start",
    [
        b"\0\0\0\x20ftypisom",
        b"\x1aE\xdf\xa3",
        b"RIFF\0\1\0\0AVI LIST",
        b"FLV\1\5",
        b"\0\0\1\xba",
        b"8BPS\0\1",
        b"qoif\0\0",
    ],
)
def test_a_film_or_another_picture_is_named_whatever_it_is_called(tmp_path, start):
    put(tmp_path, "clip.bin", start + bytes(30))
    (found,) = walk(tmp_path).unread
    assert found[0] == "clip.bin" and "film" in found[1]


@pytest.mark.parametrize("start", [b"# notes\n", b"PK\3\4", b"\0\0\0\x20ftypM4A ", b"ID3\4", b"path,score\n", b""])
def test_tables_archives_and_sound_are_no_films(tmp_path, start):
    put(tmp_path, "beside", start)
    assert (walk(tmp_path).passed_over, walk(tmp_path).unread) == (["beside"], [])


@pytest.mark.parametrize(
    "name",
    [
        *(".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", "a.png.part", "a.jpg~", "b.jpg.crdownload"),
        *(".thumbnails/a.png", "@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg", "#recycle/a.png", "$RECYCLE.BIN/a.png"),
        *("lost+found/a.png", "System Volume Information/a.png", "notes.txt", "scores.csv", "lot/.picasa.ini"),
    ],
)
def test_what_computers_leave_and_what_is_no_picture_is_passed_over_and_listed(tmp_path, name):
    put(tmp_path, name, content()) if name.endswith((".png", ".jpg")) else put(tmp_path, name)
    found = walk(tmp_path)
    assert (found.images, found.unread) == ([], [])
    assert len(found.passed_over) == 1 and name.startswith(found.passed_over[0])


def run_at(root, name, *files):
    """A run directory with pictures in it."""
    for file in files:
        put(root, f"{name}/{file}")
    for picture in ("export/golden/golden_00.png", "export/golden/photograph_00.jpg", "figures/roc.png"):
        put(root, f"{name}/{picture}", content())


@pytest.mark.parametrize("files", [NEEDED, (f"{FOLDER}/{BEGUN}",)], ids=["finished", "cut off"])
@pytest.mark.parametrize("name", ["runs/bolts", "bolts"])
def test_a_run_among_photographs_is_passed_over_and_listed(tmp_path, files, name):
    put(tmp_path, "good/1.png", content())
    run_at(tmp_path, name, *files)
    found = walk(tmp_path)
    assert (found.images, found.unread) == (["good/1.png"], [])
    assert found.passed_over == [f"{name} (a run of PIADE-TF)"]
    assert entries((tmp_path / name).parent)[1].passed_over == ["bolts (a run of PIADE-TF)"]


def test_pictures_in_a_run_are_read_where_it_is_given_itself(tmp_path):
    run_at(tmp_path, "bolts", *NEEDED)
    assert "export/golden/golden_00.png" in walk(tmp_path / "bolts").images
    assert walk(tmp_path / "bolts" / "export").images == ["golden/golden_00.png", "golden/photograph_00.jpg"]


@pytest.mark.parametrize("file", ["config.json", "map_threshold.json", "checkpoints/model.keras"])
def test_a_folder_with_one_file_of_such_a_name_is_no_run(tmp_path, file):
    run_at(tmp_path, "lot", file)
    assert "lot/export/golden/golden_00.png" in walk(tmp_path).images


def test_links_are_followed_once_and_loops_end(tmp_path):
    lot, root = tmp_path / "elsewhere", tmp_path / "root"
    put(lot, "deep/1.png", content())
    put(root, "lot1/2.png", content())
    (root / "lot2").symlink_to(lot)
    (root / "lot3").symlink_to(root / "lot1")
    (root / "lot1" / "up").symlink_to(root)
    (lot / "self").symlink_to(lot)
    (root / "3.png").symlink_to(lot / "deep" / "1.png")
    found = walk(root)
    assert found.images == ["3.png", "lot1/2.png", "lot2/deep/1.png"]
    assert found.unread == []
    assert sorted(found.passed_over) == [
        "lot1/up (the same folder as .)",
        "lot2/self (the same folder as lot2)",
        "lot3 (the same folder as lot1)",
    ]


@pytest.mark.parametrize("target", ["..", "../..", "../../..", "/"])
def test_a_link_to_a_folder_above_does_not_bring_in_what_lies_beside(tmp_path, target):
    put(tmp_path, "data/train/good/1.png", content())
    put(tmp_path, "data/test/scratch/2.png", content())
    (tmp_path / "data/train/good/up").symlink_to(target)
    (tmp_path / "data/train/good/ok").symlink_to(tmp_path / "data/train/good")
    for found in (walk(tmp_path / "data", "train/good"), walk(tmp_path / "data/train/good")):
        assert [os.path.basename(path) for path in found.images] == ["1.png"] and not found.unread
        assert len(found.passed_over) == 2 and any("up (leads back up)" in one for one in found.passed_over)


def test_links_that_lead_to_each_other_end(tmp_path):
    for one, other in ("ab", "ba"):
        put(tmp_path, f"{one}/{one}.png", content())
        (tmp_path / one / "on").symlink_to(tmp_path / other)
    assert walk(tmp_path).images == ["a/a.png", "b/b.png"]
    assert walk(tmp_path / "a").images == ["a.png", "on/b.png"]


def test_a_link_to_nothing_and_a_link_to_itself_are_named(tmp_path):
    (tmp_path / "lot").symlink_to(tmp_path / "unplugged")
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    assert {path for path, _ in walk(tmp_path).unread} == {"lot", "ring"}


def test_a_folder_that_cannot_be_entered_is_named(tmp_path, monkeypatch):
    put(tmp_path, "open/1.png", content())
    put(tmp_path, "shut/2.png", content())
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = walk(tmp_path)
    assert found.images == ["open/1.png"]
    assert found.unread == [("shut", "cannot be entered: Permission denied")]


def test_names_that_are_not_unicode_are_walked(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    put(tmp_path, name, content())
    assert walk(tmp_path).images == [name]


def test_entries_are_of_one_level(tmp_path):
    put(tmp_path, "a/1.png", content())
    put(tmp_path, "2.png", content())
    put(tmp_path, ".git/config")
    folders, here = entries(tmp_path)
    assert (folders, here.images, here.passed_over) == (["a"], ["2.png"], [".git"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12),
                unique=True, max_size=6))  # fmt: skip
def test_nothing_is_dropped(tmp_path_factory, names):
    """Every file ends up in one of the three lists, whatever it is called."""
    root = tmp_path_factory.mktemp("any")
    for name in set(names) - {".", ".."}:
        put(root, name)
    found = walk(root)
    listed = [*found.images, *found.passed_over, *(path for path, _ in found.unread)]
    assert sorted(listed) == sorted(os.listdir(root))
    assert not any(left_behind(name) for name in found.images)


def test_what_is_to_be_left_out_is_in_no_list(tmp_path):
    for name in ("a.png", "lot/b.png", "lot/c.png", "lot/notes.txt", "lot/film.mp4"):
        put(tmp_path, name)
    found = walk(tmp_path, leave_out=lambda path: path != "lot/c.png")
    assert (found.images, found.passed_over, found.unread) == (["lot/c.png"], [], [])
