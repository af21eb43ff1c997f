"""The system's Chromium without a window."""

import contextlib
import shutil

from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")


@contextlib.contextmanager
def chromium():
    """Playwright's browser; it brings none of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()
