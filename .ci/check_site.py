"""Check a built site: every link and anchor leads somewhere, and no page loads anything from another host.

    python .ci/check_site.py out/site

A page may *link* to another host (`<a href>`); scripts, styles, images, fonts and frames must be files of the site.
Scripts of the theme are not read: they fetch a renderer of diagrams or formulas where a page has an element of a class
in `LOADERS`, so none may.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = ("action", "data", "poster", "src", "srcset")
"""Attributes that fetch what they name, on any element; `href` does so on `<link>` (and on `<use>`, inside a page)."""
LOADERS = ("mermaid", "arithmatex")
"""Classes of elements for which a theme's script fetches a renderer."""
STYLE_URL = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


class _Page(HTMLParser):
    """What a page names: ids, links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.loaders: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        self.loaders += [name for name in values.get("class", "").split() if name in LOADERS]
        self.loads += [values[name] for name in LOADS if values.get(name)]
        self.loads += _style_urls(values.get("style", ""))
        if "href" in values:
            (self.links if tag in ("a", "area") else self.loads).append(values["href"])
        self._style = tag == "style"

    def handle_data(self, data: str) -> None:
        if self._style:
            self.loads += _style_urls(data)

    def handle_endtag(self, _: str) -> None:
        self._style = False


def _style_urls(text: str) -> list[str]:
    return [first or second for first, second in STYLE_URL.findall(text)]


def faults(site: Path) -> Iterator[str]:
    """A sentence for each fault of the site in `site`."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site} holds no page"
    for path, page in pages.items():
        name = path.relative_to(site)
        for what in page.loaders:
            yield f"{name}: an element of class {what!r}, for which the theme loads a script from another host"
        for url in page.loads:
            if urlsplit(url).netloc:
                yield f"{name}: loads {url}"
        for url in page.links + page.loads:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or path.name == "404.html":  # whose links begin at the root of a host
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{name}: {url} leads to no file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                yield f"{name}: {url} leads to no anchor"
    for path in sorted(site.rglob("*.css")):
        for url in _style_urls(path.read_text(encoding="utf-8")):
            if urlsplit(url).netloc:
                yield f"{path.relative_to(site)}: loads {url}"


if __name__ == "__main__":
    listed = list(faults(Path(sys.argv[1]).resolve()))
    print("\n".join(listed) or f"{sys.argv[1]}: links, anchors and what pages load are in order")
    sys.exit(bool(listed))
