from __future__ import annotations

import threading
from pathlib import Path

from thinkimg_rpc.serve import own_package


def test_the_links_lead_to_the_code_that_runs_here_and_to_its_metadata(tmp_path: Path) -> None:
    place = own_package.place(tmp_path)
    own_package.link(place)
    links = {path.name: path for path in place.iterdir()}
    assert (links.pop("thinkimg_rpc") / "serve" / "own_package.py").samefile(own_package.__file__)
    assert (links.pop("thinkimg_workers") / "crop.py").is_file()
    (metadata,) = links.values()
    assert metadata.name.startswith("thinkimg_rpc-")
    assert (metadata / "METADATA").is_file()


def test_links_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    place = own_package.place(tmp_path)
    own_package.link(place)
    before = place.stat()
    own_package.link(own_package.place(tmp_path))
    assert place.stat() == before


def test_meshes_that_make_them_at_once_leave_one_folder(tmp_path: Path) -> None:
    place = own_package.place(tmp_path)
    together = threading.Barrier(4)

    def make() -> None:
        together.wait(10)
        own_package.link(place)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(tmp_path.iterdir()) == [place]
    assert len(list(place.iterdir())) == 3
