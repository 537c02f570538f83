"""A real browser, found on the machine: Debian's chromium, or whatever `VPP_BROWSER` names.

`.ci/run` installs it. Without one the tests are skipped; in CI they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# As root there is no sandbox; the rest keeps the browser from calling home.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str:
    """Return the browser's path; skip the test, or fail it in CI, where there is none."""
    named = os.environ.get("VPP_BROWSER")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        remedy = "no browser on the PATH: install chromium (apt-get install chromium) or set VPP_BROWSER"
        if os.environ.get("CI"):
            pytest.fail(remedy)
        pytest.skip(remedy)
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser without a window, and end it."""
    path = find_browser()
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield started
        finally:
            started.close()
