"""Recorded episodes as samples, read when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.trajectory import ImageRecord, Trajectory
from thinkimg_agent.trajectory_file import TRAJECTORIES
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.bad_data import BadSample, LeftOut, refuse, report
from thinkimg_train.data_config import DataSection
from thinkimg_train.looking import OnProgress, entries_of
from thinkimg_train.plan import Lengths
from thinkimg_train.records import Place, bytes_of, chosen, left_out_for, line_of, sample_in
from thinkimg_train.samples import TrainingSample


class EpisodeDataset:
    """The samples of some files for one model: `dataset[n]` makes the n-th.

    It can be sent to other processes, which open the model's processor themselves.
    """

    def __init__(
        self, data: DataSection, model: str, places: Sequence[Place], left_out: Sequence[LeftOut]
    ) -> None:
        self._data = data
        self._model = model
        self.places = list(places)
        self.left_out = list(left_out)
        """What cannot be trained on, or was not chosen."""
        entries = [place.entry for place in places]
        self.lengths = Lengths(
            np.array([entry.tokens for entry in entries], np.int64),
            np.array([entry.image_tokens for entry in entries], np.int64),
            np.array([entry.trained for entry in entries], np.int64),
        )

    @property
    def model(self) -> str:
        return self._model

    @property
    def sources(self) -> list[str]:
        """Where each sample comes from."""
        return [place.source for place in self.places]

    @property
    def fingerprint(self) -> str:
        """Equal where the samples are the same, in the same order."""
        entries = [place.entry for place in self.places]
        told = [(one.line, one.id, one.tokens, one.trained) for one in entries]
        return digest_of(msgspec.json.encode(told))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> TrainingSample | LeftOut:
        """A sample; or why there is none after all, if its image has gone since, say."""
        place = self.places[number]
        try:
            line = line_of(place)
            return sample_in(line, place, self._data, self._model)
        except Exception as error:  # a run of days does not end for one sample
            return left_out_for(place.source, error)

    def trajectory(self, number: int) -> Trajectory:
        """The record of the n-th sample. Raises: BadTrajectory, BadSample."""
        place = self.places[number]
        return chosen(line_of(place), self._data)

    def picture(self, number: int, image: ImageRecord) -> bytes:
        """The bytes of an image, as it was shown. Raises: BadSample."""
        data = bytes_of(self.places[number].file, image.shown_digest)
        if data is None:
            raise BadSample("image missing", f"the image {image.name} is missing")
        return data


def open_dataset(
    data: DataSection, model: str, on_progress: OnProgress = lambda file, done, of: None
) -> EpisodeDataset:
    """Look through the files, and find what can be trained on.

    Raises: InvalidRequest, when nothing can, or when `data.bad` refuses what cannot.
    """
    places: list[Place] = []
    left_out: list[LeftOut] = []
    for file in _files(data):
        for entry in entries_of(file, data, model, on_progress):
            place = Place(file, entry)
            if entry.kind:
                left_out.append(LeftOut(place.source, entry.kind, entry.reason))
            elif entry.tokens > data.max_tokens:
                words = f"{entry.tokens} tokens, and data.max_tokens is {data.max_tokens}"
                left_out.append(LeftOut(place.source, "too long", words))
            else:
                places.append(place)
    total = len(places) + len(left_out)
    if data.bad == "refuse":
        refuse(left_out, total)
    if not places:
        words = "\n".join(["there is nothing to train on", *report(left_out, total)])
        raise InvalidRequest.field("data.trajectories", words)
    return EpisodeDataset(data, model, places, left_out)


def _files(data: DataSection) -> list[Path]:
    files = [path / TRAJECTORIES if path.is_dir() else path for path in data.trajectories]
    if data.dialect and data.dialect not in DIALECTS:
        words = f"there is no such dialect; there are {', '.join(DIALECTS)}"
        raise InvalidRequest.field("data.dialect", words)
    for file in files:
        if not file.is_file():
            raise InvalidRequest.field("data.trajectories", f"there is no {file}")
    return files
