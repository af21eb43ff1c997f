"""The system's Chromium without a window, for tests of pages."""

import atexit
import contextlib
import functools
import shutil

CHROMIUM = shutil.which("chromium")


@contextlib.contextmanager
def chromium(*flags):
    """A browser of Playwright's, which brings none of its own."""
    browser = _playwright().chromium.launch(executable_path=CHROMIUM, args=list(flags))
    yield browser
    browser.close()


@functools.cache
def _playwright():
    """Started once: a process can have no second one beside it."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright
