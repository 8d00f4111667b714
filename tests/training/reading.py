"""A page as its tests read it."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """What the tests ask of a page: its tags in order, images, headings, visible text, and tables as rows of cell texts by caption."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[tuple[int, str]] = []
        self.text = ""
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._rows[-1].append("")
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "table":
            assert self._caption not in self.tables
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if "caption" in self._open:
            self._caption += data
        elif {"th", "td"} & set(self._open):
            self._rows[-1][-1] += data
        elif self._open and re.fullmatch("h[1-6]", self._open[-1]):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    def table(self, start: str) -> list[list[str]]:
        return next(rows for caption, rows in self.tables.items() if caption.startswith(start))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def assert_self_contained(html: str) -> None:
    """The page needs nothing else, and a link in it leads to a place in it."""
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|<script|<link|@import|url\(|javascript:|\bon\w+=", html)
    sources = [attributes.get(name) for _, attributes in page.tags for name in ("src", "srcset", "action") if name in attributes]
    assert all(source and source.startswith("data:image/png;base64,") for source in sources)
    places = {f"#{attributes['id']}" for _, attributes in page.tags if "id" in attributes}
    assert {str(link["href"]) for link in page.all("a")} == places, "each section is listed at the top"


def assert_readable_by_all(html: str) -> None:
    """A screen reader finds its way, a phone and a dark room are served, and paper."""
    page = Page(html)
    assert page.all("html")[0]["lang"] == "en"
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert {cell.get("scope") for cell in page.all("th")} == {"row", "col", "colgroup"}
    assert all(page.tables), "every table has a caption"
    assert len(page.tables) == len(page.all("table"))
    assert all(image["alt"] for image in page.all("img"))
    assert "width=device-width" in str([meta.get("content") for meta in page.all("meta")])
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    regions = [each for each in page.all("div") if each.get("class") == "scroll"]
    assert regions
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in regions)
