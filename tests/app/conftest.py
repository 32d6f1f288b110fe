"""A real browser, and a planner that is being served; nothing is downloaded: the browser is the system's."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("there is no browser")
    with api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def address():
    port = free_port()
    words = ["-m", "hikibayes.cli", "planner", "--no-browser", "--port", str(port)]
    code = f"from hikibayes.cli import main; main({words[2:]!r})"
    with subprocess.Popen([sys.executable, "-c", code]) as server:
        deadline = time.time() + 120
        while time.time() < deadline:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/"
        server.terminate()
