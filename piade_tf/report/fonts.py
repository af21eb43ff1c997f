"""Fonts for names in any script: the one that comes with matplotlib has no Chinese, Japanese or Korean."""

import contextlib
import functools
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Iterator

import matplotlib
from matplotlib.font_manager import FontEntry, FontProperties, findfont, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font

# Those looked at first, of Linux, macOS and Windows. Any other font of the system that has the characters will do.
PREFERRED = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK KR", "Noto Sans JP", "Noto Sans SC"),
    *("Noto Sans KR", "Source Han Sans", "IPAexGothic", "IPAGothic", "TakaoGothic", "WenQuanYi Zen Hei"),
    *("WenQuanYi Micro Hei", "Droid Sans Fallback", "NanumGothic", "UnDotum", "Hiragino Sans", "Hiragino Sans GB"),
    *("PingFang SC", "Apple SD Gothic Neo", "Yu Gothic", "Meiryo", "MS Gothic", "Microsoft YaHei", "SimHei"),
    *("Microsoft JhengHei", "Malgun Gothic", "Arial Unicode MS"),
)
EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "HALFWIDTH", "IDEOGRAPHIC")
LAST_RESORT = "Last Resort"  # draws the same boxes for every script
SHOWN = 5  # characters

_family_of: dict[str, str] = {}  # by character, as far as one was needed
_lacking: set[str] = set()  # characters that no font has, once it was said


@contextlib.contextmanager
def fonts_for(*texts: str) -> Iterator[None]:
    """Within, matplotlib draws `texts` with fonts of the system that have their characters.

    Where there are none it draws boxes, and a line on stderr says once which font to install.
    """
    needed = {c for text in texts for c in text if c.isprintable() and not c.isspace()}
    missing = {c for c in needed if ord(c) not in _characters_of(findfont(FontProperties()))}
    _search(missing - _family_of.keys() - _lacking)
    chosen = dict.fromkeys(_family_of[c] for c in sorted(missing & _family_of.keys()))
    families = [*matplotlib.rcParams["font.family"], *chosen]
    with matplotlib.rc_context({"font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from")  # said already
        yield


def _search(missing: set[str]) -> None:
    """Finds a family for each character, as far as there is one, and says which are left."""
    if not missing or _lacking:  # after the first that was not found no time is spent on others
        _lacking.update(missing)
        return
    left = _found_in(fontManager.ttflist, missing)
    if left:
        left = _found_in(_installed_since(), left)
    if left:
        _lacking.update(left)
        print(f"warning: {_advice(left)}", file=sys.stderr, flush=True)


def _found_in(entries: Iterable[FontEntry], missing: set[str]) -> set[str]:
    """Notes a family for each character that one of the fonts has; returns the others."""
    rank = {name: place for place, name in enumerate(PREFERRED)}
    upright = [entry for entry in entries if entry.style == "normal" and not entry.name.startswith(LAST_RESORT)]
    left = set(missing)
    for entry in sorted(upright, key=lambda entry: (rank.get(entry.name, len(rank)), entry.name)):
        if not left:
            break
        here = {c for c in left if ord(c) in _characters_of(entry.fname)}
        _family_of.update(dict.fromkeys(here, entry.name))
        left -= here
    return left


def _installed_since() -> list[FontEntry]:
    """Fonts that matplotlib's list lacks: it is made once, and the user may have installed one on our advice."""
    known = {entry.fname for entry in fontManager.ttflist}
    before = len(fontManager.ttflist)
    for path in sorted(set(findSystemFonts()) - known):
        with contextlib.suppress(Exception):  # a file that is no font
            fontManager.addfont(path)
    return fontManager.ttflist[before:]


@functools.lru_cache(64)
def _characters_of(path: str) -> frozenset[int]:
    """Code points that a font file can draw at any size."""
    try:
        font = FT2Font(path)
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()


def _advice(characters: set[str]) -> str:
    listed = sorted(characters)
    scripts = {unicodedata.name(c, "UNKNOWN").split()[0].split("-")[0] for c in listed}
    east_asian = scripts & set(EAST_ASIAN)
    fonts = ["Noto Sans CJK (on Debian and Ubuntu: apt install fonts-noto-cjk)"] if east_asian else []
    fonts += [f"Noto Sans {script.title()}" for script in sorted(scripts - east_asian)]
    more = " ..." if len(listed) > SHOWN else ""
    return (
        f"no font of this system has {' '.join(listed[:SHOWN])}{more}: figures show boxes instead; install a font that "
        f"does, such as {', '.join(fonts)}"
    )
