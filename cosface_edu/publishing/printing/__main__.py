"""`python -m cosface_edu.publishing.printing book` or `handouts`, from the folder that holds _toc.yml."""

import argparse
import logging
import re
import sys
import time
from pathlib import Path

import yaml
from playwright.sync_api import Page
from tqdm import tqdm

from cosface_edu.publishing.printing import chromium, document
from cosface_edu.publishing.printing.document import Chapter, NotPrintable

BUILT, PRINTED = Path("_build", "html"), Path("_build", "pdf")
BOOK = "the-margin-book.pdf"


def _head(page: Path) -> str:
    """What a built page's look comes from."""
    return "\n".join(re.findall(r'<link\b[^>]*rel="stylesheet"[^>]*>', page.read_text(encoding="utf-8")))


def _chapter(page: Page, root: Path, name: str, part: str, site: str) -> Chapter:
    file = root / BUILT / "book" / f"{name}.html"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    stills = chromium.stills(page, name) if "plotly-graph-div" in text else ()
    drawn = chromium.drawn(page, name) if document.DRAWN in text else ()
    return document.read(file, stills, part, site, drawn)


def _book(page: Page, root: Path, title: str, site: str) -> None:
    names = document.contents(root)
    with tqdm(total=2 * len(names) + 4, unit="step", desc=title) as bar:
        chapters = []
        for name, part in names:
            chapters.append(_chapter(page, root, name, part, site))
            bar.update()
        text = document.assemble(chapters, _head(root / BUILT / "book" / f"{names[0][0]}.html"), title, True, site)
        broad = chromium.load(page, text, bar.update)
        bar.set_postfix_str("two passes, for page numbers")
        count = chromium.write(page, root / PRINTED / BOOK, bar.update)
    print(f"{PRINTED / BOOK}: {count} pages, {(root / PRINTED / BOOK).stat().st_size / 2**20:.1f} MB")
    for words in broad:
        print(f"broader than the page: {words}")


def _handouts(page: Page, root: Path, title: str, site: str) -> None:
    folder = root / PRINTED / "handouts"
    names = [name for name, _ in document.contents(root)]
    for name in tqdm(names, unit="chapter", desc="handouts"):
        chapter = _chapter(page, root, name, "", site)
        head = _head(root / BUILT / "book" / f"{name}.html")
        chromium.load(page, document.assemble([chapter], head, title, False, site))
        if chapter.solutions:
            chromium.write(page, folder / f"{name}-with-solutions.pdf")
            page.eval_on_selector_all("[data-solutions]", "all => all.forEach(element => element.remove())")
        chromium.write(page, folder / f"{name}.pdf")
    print(f"{PRINTED / 'handouts'}: {len(list(folder.glob('*.pdf')))} files")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cosface_edu.publishing.printing", description=__doc__)
    parser.add_argument("what", choices=("book", "handouts"))
    what = parser.parse_args(arguments).what
    root, started = Path.cwd(), time.perf_counter()
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # else it says of each file that Chromium miscounted its objects
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    site = config["html"].get("baseurl") or ""
    try:
        with chromium.browser(root / BUILT) as page:
            if not chromium.has_chinese(page):
                print("no font with Chinese characters: `apt install fonts-wqy-microhei`, or they print as boxes")
            (_book if what == "book" else _handouts)(page, root, config["title"], site)
    except NotPrintable as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
