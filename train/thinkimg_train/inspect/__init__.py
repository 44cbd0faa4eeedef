"""One batch as a page to look at, before a run learns from thousands like it."""

from __future__ import annotations

from thinkimg_train.inspect.page import write_page
from thinkimg_train.inspect.view import BatchView, view_of_batch

__all__ = ["BatchView", "view_of_batch", "write_page"]
