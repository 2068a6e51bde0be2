"""The lab as a widget in a running JupyterLab: the page's state reaches Python, and Python's reaches the page."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

CELLS = (
    "from cosface_edu.figures import lab\nlive = lab.MarginLab(preset='fig4-m2')\nlive",
    "print('m is', live.setting['m'], 'after', live.figures['step'] > 0)",
    "live.setting = {**live.setting, 'm': 0.05}",
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """JupyterLab on this machine, with one notebook in it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "lab.ipynb")
    port = _free_port()
    options = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token="]
    options += [f"--notebook-dir={tmp_path}", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    news = tmp_path / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false"}')  # neither asked for nor asked about
    environment = os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")}
    with (tmp_path / "server.log").open("w") as log:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2)
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                pytest.fail((tmp_path / "server.log").read_text())
            yield f"http://127.0.0.1:{port}/doc/tree/lab.ipynb"
        finally:
            server.terminate()
            server.wait(20)


def test_the_lab_lives_in_a_notebook(chromium, address: str) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(90_000)  # a kernel starts, and imports PyTorch

    def margin(value: float) -> None:
        page.wait_for_function(f"Math.abs(document.querySelector('.ml').lab.engine.config().m - {value}) < 1e-9")

    page.goto(address)
    first = page.locator(".jp-Notebook-cell").first
    first.locator(".cm-content").wait_for()
    for _ in range(40):  # until the kernel is connected the key goes nowhere
        first.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(1000)
        if first.locator(".jp-InputPrompt").inner_text() != "[ ]:":
            break
    page.wait_for_selector(".jp-OutputArea .ml")
    margin(0.2)
    page.wait_for_function("document.querySelector('.ml').lab.engine.steps > 20")
    page.locator('[data-in="m"]').fill("0.1")
    page.click('[data-do="play"]')  # pauses, and reports
    margin(0.1)
    page.locator(".jp-Notebook-cell .cm-content").nth(1).click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("text=m is 0.1 after True")
    page.keyboard.press("Shift+Enter")
    margin(0.05)
    page.close()
