"""Names in scripts that matplotlib's own font has not: drawn where a font of the system has them, else told once."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from piade_tf.data.summary import Samples
from piade_tf.detector import Prediction
from piade_tf.evaluation.mistakes import Mistake
from piade_tf.evaluation.picked_examples import Examples
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report import fonts
from piade_tf.report.contact_sheet import write_contact_sheet
from piade_tf.report.figures import write_figures
from piade_tf.report.fonts import fonts_for
from piade_tf.report.heatmap_figure import write_heatmap
from piade_tf.report.mistakes_figure import write_mistakes_figure

JAPANESE, CHINESE, KOREAN, THAI = "傷のない瓶カップ", "划痕瓶子", "긁힘 병", "รอยขีดข่วน"


@pytest.fixture(autouse=True)
def system(monkeypatch):
    """A system that has no fonts but matplotlib's own, and of which nothing is known yet."""
    own = [entry for entry in fontManager.ttflist if "mpl-data" in entry.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr(fonts, "findSystemFonts", list)
    monkeypatch.setattr(fonts, "_family_of", {})
    monkeypatch.setattr(fonts, "_lacking", set())


@pytest.fixture
def font(tmp_path):
    """Writes a font that has nothing but some characters, each as a block; returns its path."""

    def write(family, characters):
        names = {ord(c): f"glyph{i}" for i, c in enumerate(sorted(set(characters)))}
        pen = TTGlyphPen(None)
        pen.moveTo((100, 0))
        for corner in ((100, 800), (900, 800), (900, 0)):
            pen.lineTo(corner)
        pen.closePath()
        block = pen.glyph()
        glyphs = [".notdef", *names.values()]
        builder = FontBuilder(1000, isTTF=True)
        builder.setupGlyphOrder(glyphs)
        builder.setupCharacterMap(names)
        builder.setupGlyf(dict.fromkeys(glyphs, block))
        builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 100)))
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        builder.setupNameTable({"familyName": family, "styleName": "Regular"})
        builder.setupOS2(sTypoAscender=800, usWeightClass=400)
        builder.setupPost()
        path = tmp_path / f"{family}.ttf"
        builder.save(path)
        return str(path)

    return write


def families(*texts):
    with fonts_for(*texts):
        return matplotlib.rcParams["font.family"][1:]


@pytest.mark.parametrize(
    "text, family",
    [
        (JAPANESE, "IPAexGothic"),
        (CHINESE, "Microsoft YaHei"),
        (KOREAN, "Malgun Gothic"),
        (CHINESE, "A font that nobody knows"),
        (THAI, "Another such font"),
    ],
)
def test_a_font_of_the_system_that_has_the_characters_is_used(font, capsys, text, family):
    fontManager.addfont(font(family, text))
    assert families(f"a {text} b") == [family]
    assert capsys.readouterr().err == ""


def test_a_font_meant_for_the_script_comes_first_and_several_help_each_other(font):
    for family, text in (("AAA", CHINESE), ("Noto Sans CJK SC", CHINESE), ("Malgun Gothic", KOREAN)):
        fontManager.addfont(font(family, text))
    assert set(families(CHINESE, KOREAN)) == {"Noto Sans CJK SC", "Malgun Gothic"}


def test_a_font_installed_since_matplotlib_looked_is_found(font, monkeypatch, tmp_path):
    (tmp_path / "broken.ttf").write_text("no font")
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(tmp_path / "broken.ttf"), font("New", KOREAN)])
    assert families(KOREAN) == ["New"]


@pytest.mark.parametrize(
    "text", ["bottle, 3 of 4", "Kratzer, größer als Ø 3", "царапина", "χαρακτήρας", "tab\tnew\nline"]
)
def test_what_matplotlibs_own_font_has_needs_no_other(font, capsys, text):
    fontManager.addfont(font("IPAexGothic", text.replace("\t", "").replace("\n", "")))
    assert families(text) == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text, advised", [(JAPANESE, "Noto Sans CJK"), (KOREAN, "Noto Sans CJK"), (THAI, "Noto Sans Thai")]
)
def test_without_a_font_one_line_says_once_which_to_install(capsys, text, advised):
    for _ in range(2):
        families(text, text[:2])
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and advised in said and (set(text) - {" "}) & set(said)


def figures(folder, name):
    rng = np.random.default_rng(0)
    images, maps, labels = rng.random((4, 16, 16, 1)), rng.random((4, 16, 16)), np.array([0, 0, 1, 1])
    classes = np.array([name, "good", name, "bad"])
    examples = Examples(images, images, maps, labels, classes, np.arange(4.0), np.ones(4))
    write_figures(folder, examples, labels, np.arange(4.0), {}, name)


def heatmap(folder, name):
    image = np.zeros((16, 16, 1), "uint8")
    threshold = fit_threshold("max", 0.01, [1.0])
    detector = SimpleNamespace(threshold=threshold, map_threshold=threshold)
    prediction = Prediction(f"{name}.png", 1.0, 50.0, False, image, np.ones((16, 16), "float32"), image)
    write_heatmap(folder / "heatmap.png", prediction, detector)


def mistakes(folder, name):
    image = np.zeros((16, 16, 1), "uint8")
    write_mistakes_figure(folder / "m.png", [Mistake("miss", "1", name, 1.0, image, image, np.ones((16, 16)))], name)


def contact_sheet(folder, name):
    rows = [Samples(f"test, {name} (normal)", np.zeros((2, 16, 16, 1), "uint8"))]
    write_contact_sheet(folder / "sheet.png", rows, name)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("there", [True, False], ids=["with a font", "without"])
@pytest.mark.parametrize("draw", [figures, heatmap, mistakes, contact_sheet])
def test_every_figure_is_drawn_without_a_word_of_matplotlibs(font, capsys, tmp_path, draw, there):
    if there:
        fontManager.addfont(font("IPAexGothic", JAPANESE))
    draw(tmp_path, JAPANESE)
    assert list(tmp_path.glob("*.png"))
    assert capsys.readouterr().err.count("\n") == (not there)
