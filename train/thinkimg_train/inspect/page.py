"""One self-contained HTML page for a batch."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from thinkimg_train.inspect.view import ROLES, BatchView


def write_page(view: BatchView, page: Path) -> None:
    """Write the page of a batch."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_render(view), encoding="utf-8")


def _render(view: BatchView) -> str:
    environment = Environment(
        loader=PackageLoader("thinkimg_train.inspect", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = lambda number: f"{number:,}"
    environment.filters["percent"] = _percent
    pictures = {
        f"{row.number}-{image.number}": image.url for row in view.rows for image in row.images
    }
    return environment.get_template("page.html").render(batch=view, roles=ROLES, pictures=pictures)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share < 0.1 else f"{100 * share:.0f}%"
