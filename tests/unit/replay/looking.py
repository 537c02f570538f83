"""Looks at a page as a browser shows it."""

from __future__ import annotations


def look_at(started, path, size):
    """Open a page without scripts of its own, and look for what a person would trip over."""
    page = started.new_page(viewport={"width": size[0], "height": size[1]})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert said == []
    assert asked == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(EMPTY) == []
    page.close()


# Labels of one axis that lie on each other or leave the page.
OVERLAPS = """() => [...document.querySelectorAll('.xs, .ys')].flatMap(axis => {
  const boxes = [...axis.children].map(label => [label.textContent, label.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0);
  return boxes.flatMap(([text, box], k) => [
    ...(box.right > innerWidth + 1 || box.left < -1 ? [`${text} leaves the page`] : []),
    ...boxes.slice(k + 1).filter(([, other]) => box.left < other.right && other.left < box.right
      && box.top + 2 < other.bottom && other.top + 2 < box.bottom).map(([other]) => `${text} on ${other}`)]);
})"""
# Drawings in which nothing is drawn.
EMPTY = """() => [...document.querySelectorAll('svg')].filter(drawing =>
  ![...drawing.querySelectorAll('.line, .bar, .cell')].some(shape => shape.getBBox().width > 0)
).map(drawing => drawing.getAttribute('aria-label'))"""
