"""ZoominSubplot: look at one panel of a figure with several."""

from __future__ import annotations

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import Box, Subplot, ZoominSubplotRequest, ZoominSubplotResponse
from thinkimg_workers.backends import open_backend
from thinkimg_workers.crop import scaled
from thinkimg_workers.page_text import lines_of, warm_up
from thinkimg_workers.panels.chooser import CHOOSERS, Chooser, Question
from thinkimg_workers.panels.detection import find_panels, is_blank
from thinkimg_workers.panels.places import layout_of

_DEFAULT_MOST = 4


class ZoominSubplot(Tool[ZoominSubplotRequest, ZoominSubplotResponse]):
    """Cut the described panels out of a figure, each with its title and labels."""

    choices = CHOOSERS
    backends = tuple(backend.name for backend in CHOOSERS)
    cacheable = True

    def setup(self) -> None:
        self._chooser: Chooser = open_backend(CHOOSERS, self.settings)
        self.backend = self._chooser.name
        warm_up()

    def run(self, request: ZoominSubplotRequest, call: Call) -> ZoominSubplotResponse:
        description = " ".join(request.description.split())
        if not description:
            raise InvalidRequest.field("description", "is blank; say which panel to zoom into")
        pixels = call.image(request.image)
        # To read a large picture takes longest by far.
        panels = [] if is_blank(pixels) else find_panels(pixels, lines_of(call, request.image))
        if not panels:
            return ZoominSubplotResponse(message="there are no panels: nothing is drawn here")
        layout = layout_of(panels)
        call.check_deadline()
        choice = self._chooser.choose(Question(pixels, layout, description, call.remaining_s))
        most = request.max_results if request.HasField("max_results") else _DEFAULT_MOST
        scale = request.scale if request.HasField("scale") else 1.0
        response = ZoominSubplotResponse(message=choice.message)
        for fit in choice.fits[:most]:
            panel = layout.panels[fit.panel]
            x0, y0, x1, y1 = panel.box
            response.subplots.append(
                Subplot(
                    image=call.reply_image(scaled(pixels[y0:y1, x0:x1], scale), request.format),
                    box=Box(x0=x0, y0=y0, x1=x1, y1=y1),
                    title=panel.title,
                    score=fit.score,
                )
            )
        return response
