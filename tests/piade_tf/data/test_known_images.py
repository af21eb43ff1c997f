"""What a run remembers of its images is read as it was written."""

from piade_tf.data.known_images import KnownImage, read_known, write_known


def test_names_of_any_characters_come_back(tmp_path):
    names = ["good/1.png", "/lots/良品/a\nb.png", '/lots/a,"b".png', "C:\\new\\a.png", " ", "/lots/a\u2028b.png"]
    known = [KnownImage(name, "calibration", "0" * 32, "/lots", 0.1, 2.5) for name in names]
    write_known(tmp_path / "known_images.csv", known)
    assert read_known(tmp_path / "known_images.csv") == known
