"""Samples as they lie in the shards, undecoded."""

from __future__ import annotations

import os

from millrace._arguments import to_json
from millrace._library import classes
from millrace.errors import LoaderError


def spec_list(sources) -> list[str]:
    """One spec or several, as a list of strings."""
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    return [os.fspath(source) for source in sources]


class SampleStream:
    """Iterates over samples: dicts `{"__key__", "__shard__", "__offset__", field: bytes, ...}`.

    A damaged place raises LoaderError with shard and offset; iterating on goes on behind it.
    """

    def __init__(self, specs: list[str], read: dict):
        self._stream = classes.SampleStream(specs, to_json(read))
        LoaderError.check(self._stream.failure())

    def __iter__(self) -> SampleStream:
        return self

    def __next__(self) -> dict:
        status, error, key, shard, offset, names, fields = self._stream.next()
        if status == "end":
            raise StopIteration
        if status == "error":
            raise LoaderError.from_parts(error)
        sample = {
            "__key__": key.numpy().tobytes().decode("utf-8", "surrogateescape"),
            "__shard__": shard,
            "__offset__": offset,
        }
        for name, data in zip(names, fields):
            sample[name] = data.numpy().tobytes()
        return sample


def open(sources, **read) -> SampleStream:  # noqa: A001 - the name of the public contract
    """The samples that specs name, one after another (see README, "Shard specs"), of any format.

    `read` says how files become samples where they do not say it themselves, as the DataLoader's
    option of that name does: `open("captions.csv", image_root="images", separator=";")`.
    """
    return SampleStream(spec_list(sources), read)
