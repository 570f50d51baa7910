"""A browser as people have it, which remembers everything that went wrong behind the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page, expect
from tests.web.served import Served

PASSWORD = "a rather long passphrase 7"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",  # the tests' own authority
)
PATIENCE_MS = 30_000
WIDTHS = (1440, 390)
_OUT_OF_PLACE = """() => {
  const found = document.documentElement.scrollWidth > document.documentElement.clientWidth
    ? ["the page is wider than the screen"] : [];
  for (const cell of document.querySelectorAll(".stacked td[data-label]")) {
    const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    const values = cell.getBoundingClientRect().left + 90;
    while (words.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(words.currentNode);
      const box = range.getBoundingClientRect();
      if (words.currentNode.data.trim() && box.width > 2 && box.left < values)
        found.push(`under the label ${cell.dataset.label}: ${words.currentNode.data.trim()}`);
    }
  }
  for (const sheet of document.querySelectorAll(".dropdown > .dropdown-sheet")) {
    const was = sheet.parentElement.open;
    sheet.parentElement.open = true;
    const box = sheet.getBoundingClientRect();
    if (box.width && (box.left < 0 || box.right > document.documentElement.clientWidth))
      found.push(`the sheet of ${sheet.previousElementSibling.innerText || "a button"} leaves the screen`);
    sheet.parentElement.open = was;
  }
  return found;
}"""
"""What a phone shows where it does not belong: past the edge of the screen, closed or open, or a value among the labels."""


@dataclass
class Sitting:
    """One person at one browser."""

    served: Served
    page: Page
    troubles: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def go(self, path: str) -> None:
        self.page.goto(self.served.url + path)

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.go("/sign-in")
        self.page.get_by_label("Mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page.locator("form[action='/sign-out']").first).to_be_attached()

    def check_quiet(self) -> None:
        """Fail if the browser complained about anything: scripts, the policy of contents, what could not be loaded."""
        found = [text for text in self.troubles if not any(part in text for part in self.expected)]
        assert found == []


@contextmanager
def sitting(browser: Browser, served: Served, **options: Any) -> Iterator[Sitting]:
    """Sit down at a browser without cookies; at the end it must not have complained."""
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce", **options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    at = Sitting(served, page)
    page.on(
        "console", lambda said: at.troubles.append(said.text) if said.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: at.troubles.append(str(error)))
    try:
        yield at
        at.check_quiet()
    finally:
        context.close()


def accessibility(page: Page, *, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """What axe finds on a page, at each width in the light, and at the first one in the dark; and what is out of its place.

    Of all rules only that about contrast depends on the colours, so only that one is asked in the dark.
    """
    page.evaluate(Axe().axe_script)
    found = []
    asked_in: tuple[tuple[Literal["light", "dark"], str, tuple[int, ...]], ...] = (
        ("light", "{resultTypes: ['violations'], preload: false}", widths),
        ("dark", "{runOnly: ['color-contrast'], preload: false}", widths[:1]),
    )
    for scheme, asked, asked_at in asked_in:
        page.emulate_media(color_scheme=scheme)
        for width in asked_at:
            page.set_viewport_size({"width": width, "height": 900})
            if width == min(WIDTHS):
                found += [f"{page.url} {width}: {text}" for text in page.evaluate(_OUT_OF_PLACE)]
            result = page.evaluate(f"axe.run({asked})")
            found += [
                f"{page.url} {width} {scheme}: {violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
                for violation in result["violations"]
                for node in violation["nodes"][:3]
            ]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    return found
