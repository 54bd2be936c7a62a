"""ComfyUI's web page in Chromium, used as a person uses it: by clicks and keys."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import (
    Error,
    Page,
    Request,
    Response,
    Route,
    ViewportSize,
    sync_playwright,
)

Found = TypeVar("Found")

STEP_MS_MAX = 30_000
_WINDOW: ViewportSize = {"width": 1400, "height": 900}
ATTEMPTS_MAX = 4
# Chromium drops every connection when an interface comes or goes, and each container that starts or
# ends on the machine is such a change. Nothing can be switched off about that.
_NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Root needs the first; containers have little /dev/shm; there is no GPU to draw with.
_OPTIONS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")

_UPLOAD_BUTTON = """() => {
  const node = app.graph.nodes.find((each) => each.type === "LoadImage");
  const button = node.widgets.find((each) => each.type === "button");
  const [x, y] = app.canvas.ds.convertOffsetToCanvas(
    [node.pos[0] + node.size[0] / 2, node.pos[1] + button.y + 10]);
  const frame = app.canvas.canvas.getBoundingClientRect();
  return [frame.left + x, frame.top + y];
}"""
_SHOWN = """(kind) => {
  const node = app.graph.nodes.find((each) => each.type === kind);
  const [picture] = node?.imgs ?? [];
  return picture?.complete && picture.naturalWidth
    ? {url: picture.src, width: picture.naturalWidth, height: picture.naturalHeight} : null;
}"""


def find_chromium() -> str:
    """Return the path of the machine's Chromium; skip the test where there is none."""
    for name in _NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    pytest.skip("needs Chromium: run ci/prepare --dev")


@dataclass
class WebPage:
    """One page, and what went over the wire since it was opened.

    Attributes:
        page: Playwright's.
        refused: method and path of the requests that the service answered with 400 or more.
        pictures: what ``/view`` answered, by file name; the newest for each.
        cut_off: requests that Chromium gave up because the machine's network changed.
    """

    page: Page
    refused: list[str] = field(default_factory=list)
    pictures: dict[str, Response] = field(default_factory=dict)
    cut_off: list[str] = field(default_factory=list)

    def record(self, response: Response) -> None:
        """Note an answer of the service."""
        address = urlsplit(response.url)
        if response.status >= 400:
            query = f"?{address.query}" if address.query else ""
            self.refused.append(f"{response.request.method} {address.path}{query}")
        if address.path == "/api/view":
            self.pictures[parse_qs(address.query)["filename"][0]] = response

    def record_failure(self, request: Request) -> None:
        """Note a request that got no answer because Chromium dropped its connections."""
        if request.failure == _NETWORK_CHANGED:
            self.cut_off.append(request.url)

    def open(self, url: str) -> None:
        """Open the page and close the greeting that a first visit shows."""
        self._load(url)
        greeting = self.page.get_by_role("dialog")
        greeting.wait_for()
        self.page.keyboard.press("Escape")
        greeting.wait_for(state="hidden")

    def _load(self, url: str) -> None:
        """Load the page with all of its modules: one that is missing leaves it white for ever."""
        for _ in range(ATTEMPTS_MAX):
            self.cut_off.clear()
            self.page.goto(url)
            if not self.cut_off:
                return

    def open_workflow(self, name: str) -> None:
        """Open a saved workflow from the side panel, and close the panel."""
        self.page.keyboard.press("w")
        self.page.get_by_text(name, exact=True).first.click()
        self.page.wait_for_function("() => app.graph.nodes.some((n) => n.type === 'LoadImage')")
        self.page.keyboard.press("w")
        self.page.get_by_text(name, exact=True).first.wait_for(state="hidden")

    def upload(self, name: str, photo: bytes) -> dict[str, Any]:
        """Choose a photo with the button of the LoadImage node; return what the node shows."""
        with self.page.expect_file_chooser() as chooser:
            self.page.mouse.click(*self.page.evaluate(_UPLOAD_BUTTON))
        chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": photo})
        self.page.wait_for_function(f"() => ({_SHOWN})('LoadImage')?.url.includes('{name}')")
        return self._shown("LoadImage")

    def run(self) -> dict[str, Any]:
        """Press Run and wait until the SaveImage node shows a picture; return what it shows."""
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.wait_for_function(f"() => ({_SHOWN})('SaveImage')")
        return self._shown("SaveImage")

    def shown_in_queue(self, name: str) -> str:
        """Open the queue panel, wait until it shows a picture, and return its address."""
        self.page.keyboard.press("q")
        picture = self.page.locator(f'.side-bar-panel img[src*="filename={name}"]').first
        picture.wait_for()
        return str(picture.get_attribute("src"))

    def _shown(self, kind: str) -> dict[str, Any]:
        return dict(self.page.evaluate(_SHOWN, kind))


@contextmanager
def web_page(url: str, screenshot: Path) -> Iterator[WebPage]:
    """Start Chromium with an empty profile; a screenshot of the end stays, also of a failure.

    Args:
        url: the service; requests to any other address are refused, as on a machine without
            internet (the page asks its makers for news).
        screenshot: where the PNG goes.
    """
    executable = find_chromium()

    def keep_inside(route: Route) -> None:
        if route.request.url.startswith(url):
            route.continue_()
        else:
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_OPTIONS))
        try:
            page = browser.new_page(viewport=_WINDOW)
            page.set_default_timeout(STEP_MS_MAX)
            page.route("http*://**", keep_inside)
            session = WebPage(page)
            page.on("response", session.record)
            page.on("requestfailed", session.record_failure)
            try:
                yield session
            finally:
                page.screenshot(path=screenshot)
        finally:
            browser.close()


def on_a_quiet_network(url: str, screenshot: Path, steps: Callable[[WebPage], Found]) -> Found:
    """Take steps on a page; all of them again where the machine's network changed meanwhile.

    Args:
        url: the service.
        screenshot: where the PNG of the end goes.
        steps: what is done; must be repeatable.

    Raises:
        Error: of Playwright; a step did not come to its end, and the network did not change, or
            changed at each of ``ATTEMPTS_MAX`` attempts.
    """
    attempt = 1
    while True:
        with web_page(url, screenshot) as session:
            try:
                return steps(session)
            except Error:
                if not session.cut_off or attempt == ATTEMPTS_MAX:
                    raise
        attempt += 1
