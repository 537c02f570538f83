"""A page and its tables. Whatever comes from outside goes through `escape`."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
# Nothing is fetched, nothing is run: the browser is told so too.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(title: str, parts: Sequence[str]) -> str:
    """Return a whole page; `parts` are HTML already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def note(text: str) -> str:
    """Return a remark in a quieter colour."""
    return f'<p class="note">{escape(text)}</p>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "") -> str:
    """Return a table whose first column names the row; where it is too wide it scrolls by itself."""
    looks = [' class="words"' if _in_words([row[k] for row in rows]) else "" for k in range(len(head))]
    top = "".join(
        f'<th scope="col"{look}>{escape(cell)}</th>' for cell, look in zip(head, looks, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td{look}>{escape(cell)}</td>" for cell, look in zip(row[1:], looks[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    label = escape(caption or head[0] or "table", quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table>{said}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _in_words(cells: Sequence[str]) -> bool:
    """Return whether a column is text, which begins on the left; figures end on the right."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(cell[0].isalpha() for cell in filled) * 2 > len(filled)


def details(summary: str, inside: str) -> str:
    """Return something that opens on a click and without a script."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def items(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def number(value: float | None, form: str = "") -> str:
    """Return a number for people: grouped by thousands, with as many digits as carry meaning."""
    if value is None or value != value:  # noqa: PLR0124 - not a number
        return ""
    if form:
        return format(value, form)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    for limit, digits in ((1000, 0), (100, 1), (1, 2), (0.001, 4)):
        if abs(value) >= limit:
            return f"{value:,.{digits}f}"
    return f"{value:.2g}"
