"""What has been made out in a picture."""

from __future__ import annotations

from dataclasses import dataclass

from thinkimg_workers.grounding.boxes import Box
from thinkimg_workers.grounding.pieces import Piece
from thinkimg_workers.grounding.vocabulary import Role


@dataclass(frozen=True, eq=False)
class Thing:
    """One bar, line, legend, title ..."""

    role: Role
    box: Box
    sure: float
    """0 to 1: how sure it is that it is one."""
    text: str = ""
    color: int | None = None
    """Its number in the palette."""
    pieces: tuple[Piece, ...] = ()
    """What it is drawn with, the largest first; none of what is only a place."""

    def inside(self) -> tuple[float, float]:
        """A point on it."""
        x, y = self.box.middle
        if not self.pieces or self._covers(x, y):
            return x, y
        return self.pieces[0].inside()

    def _covers(self, x: float, y: float) -> bool:
        """Whether a point is safely on one of its pieces."""
        for piece in self.pieces:
            column, row = int(x - piece.box.x0), int(y - piece.box.y0)
            height, width = piece.mask.shape
            if 1 <= column < width - 1 and 1 <= row < height - 1:
                around = piece.mask[row - 1 : row + 2, column - 1 : column + 2]
                if around.all():
                    return True
        return False
