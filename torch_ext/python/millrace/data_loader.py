"""DataLoader: batches of tensors out of shards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import torch

from millrace._arguments import integer, to_json
from millrace._library import classes, ops
from millrace.columns import clip_columns
from millrace.errors import LoaderError
from millrace.image_patches import image_patches
from millrace.image_transforms import image_transform
from millrace.samples import spec_list
from millrace.transforms import Tokenizer

_PATIENCE_SECONDS = 0.2  # how long the library waits before Python may handle a signal
_NAMES = ("__key__", "__shard__", "__offset__")  # their byte strings are text


def _distributed_place() -> dict[str, int]:
    """This process's place where torch.distributed is initialised; else the library asks RANK and
    WORLD_SIZE of the environment."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return {
            "rank": torch.distributed.get_rank(),
            "world_size": torch.distributed.get_world_size(),
        }
    return {}


def _described(config) -> dict:
    """The options that a YAML file describes."""
    if config is None:
        return {}
    described, *error = ops.described_options(os.fspath(config))
    LoaderError.check(tuple(error))
    return json.loads(described)


class DataLoader:
    """Streams batches out of shards and tables, decoded, resized, tokenized, in C++ threads.

    Iterating yields dicts, column name -> tensor [size, ...] (or list of `bytes` for `raw` columns).
    A loop that ends makes the next one run over the next epoch; a loop that is left early makes the
    next one begin the same epoch again. One consumer at a time; not to be used after a fork.

    Args:
        sources: a spec or a list of them: tar shards, JSONL, CSV, COCO, Flickr30k, Parquet, Arrow,
            MDS, folders of images (or a `millrace.index`, which stands for its shards).
        columns: name -> column (`millrace.image`, `text`, `raw`, `number`); default clip_columns(224).
        batch_size: samples a batch on this rank.
        buckets: batches of images of about one aspect ratio each, with columns of their own besides
            `columns` or in the place of those of the same name: a list of {"size": (height, width),
            "columns"}, see millrace.aspect_buckets.
        bucket_run: so many samples in a row are of one bucket; default batch_size * world_size. Give
            it where the run may go on at another size.
        config: a YAML file with any of these options, by their names, and `datasets` and `loaders`
            (docs/formats.md); what is given besides it counts.
        read: how files become samples where they do not say it themselves: {"image_root": "images"},
            and "format", "image_tars", "image_paths", "keys", "separator", "columns", and limits
            ("max_unpacked_bytes", ...); see docs/formats.md.
        shuffle, shuffle_window, seed, epoch: the order, a pure function of these. The window is a
            number of samples, or bytes as in "512MiB".
        streaming: read the sources in one go, without an index: standard input ("-"), pipes, and
            commands ("pipe:COMMAND", only with allow_commands=True); shuffled within blocks of the
            shuffle window. No length, selection or mixture.
        select: which samples take part: {"shards": (begin, end), "where": "quality_score >= 0.3",
            "keep_keys": [...], "drop_keys": ["@FILE"], "every": n, "every_offset": k}.
        mixture: several datasets instead of `sources`: a list of {"name", "sources", and "weight" or
            "samples_per_epoch", "select", "read"}. Without weights each has its natural share.
        temperature: raises a mixture's shares to 1 / temperature.
        stop_at: "first_exhausted" (default) or "last_exhausted": where the epoch of a mixture ends.
        samples_per_epoch: the length of an epoch, going on where the one before stopped.
        rank, world_size: default to torch.distributed, or RANK and WORLD_SIZE.
        drop_last: drop the tail that fills no batch on every rank.
        on_bad_sample: "substitute" (default), "skip" or "raise".
        error_budget: largest tolerated share of bad samples, or {"share", "consecutive"}.
        threads: worker threads, 0 for the cores this process may use.
        prefetch_batches: batches in flight.
        read_ahead_bytes: how far ahead the system is asked to read.
        unpacked_cache_bytes: how much of the shards that had to be unpacked is kept in memory.
        pin_memory: "auto" (where an accelerator is present), True or False.
        use_index: use sample indexes (`millrace index`), and keep those that had to be made.
        ledger_path: a file to which bad samples and each epoch's sums are appended as JSON lines;
            `{rank}` stands for the rank. `millrace replay` reads it.
    Raises:
        ValueError: an option that is out of range or unknown; the message names it.
        LoaderError: data that cannot be used.
    """

    def __init__(
        self,
        sources=(),
        batch_size: int | None = None,
        columns: dict | None = None,
        config: str | os.PathLike | None = None,
        **options,
    ):
        options = {**_distributed_place(), **_described(config), **options}
        if sources:
            options["sources"] = spec_list(sources)
        if batch_size is not None:
            options["batch_size"] = batch_size
        if options.get("buckets", ()) is None:
            del options["buckets"]
        if columns is not None or "columns" not in options:
            options["columns"] = clip_columns(224) if columns is None else columns
        columns = dict(options["columns"])
        for bucket in options.get("buckets", ())[:1]:  # the others have the same names
            columns.update(bucket.get("columns", {}))
        for name, column in columns.items():
            _check_column(name, column)
        self._loader = classes.DataLoader(to_json(options))
        LoaderError.check(self._loader.failure())
        self._tensor_names, self._string_names = self._loader.columns()
        self._order = list(columns)
        self._is_text = {name: columns[name]["fields"] in _NAMES for name in self._string_names}
        self._loops = 0

    def __len__(self) -> int:
        """Batches of a whole epoch on this rank. A stream has no length: TypeError."""
        if not self._loader.length_is_known():
            raise TypeError("the length of a stream is not known before its end")
        return self._loader.batches()

    @property
    def epoch(self) -> int:
        return self._loader.epoch()

    @property
    def samples(self) -> int | None:
        """Selected samples of all sources, over all ranks; None where they come as a stream."""
        return self._loader.samples() if self._loader.length_is_known() else None

    def __iter__(self) -> Iterator[dict]:
        self._loops += 1
        loop = self._loops
        self._loader.start_epoch()
        LoaderError.check(self._loader.failure())
        while (batch := self._next()) is not None:
            yield batch
            if loop != self._loops:
                raise RuntimeError("another loop over this loader has begun; this one cannot go on")

    def _next(self) -> dict | None:
        status = "waiting"
        while status == "waiting":
            status, error, tensors, strings, lengths = self._loader.next(_PATIENCE_SECONDS)
        if status == "end":
            return None
        if status == "error":
            raise LoaderError.from_parts(error)
        batch = dict(zip(self._tensor_names, tensors))
        for name, joined, sizes in zip(self._string_names, strings, lengths):
            batch[name] = _split(joined, sizes, self._is_text[name])
        return {name: batch[name] for name in self._order}

    def set_epoch(self, epoch: int) -> None:
        """Makes `epoch` the current one. Right after loading a state of that epoch: changes nothing."""
        self._loader.set_epoch(integer("epoch", epoch))
        LoaderError.check(self._loader.failure())

    def state_dict(self) -> dict:
        """Where the run stands after the last batch that was handed over; a few plain values."""
        return json.loads(self._loader.state())

    def load_state_dict(self, state: dict, new_shares: bool = False) -> None:
        """The next loop begins there, at any world size, batch size and number of threads.

        With `new_shares` the weights, temperature or samples_per_epoch of a mixture's sources may have
        changed: from there on the new ones hold, and each source goes on where it was.
        Raises ValueError naming each difference if the state is of another dataset or other options.
        """
        self._loader.load_state(to_json(state, "state"), new_shares)
        LoaderError.check(self._loader.failure())

    def stats(self) -> dict:
        """Per stage: items, bytes, busy seconds; waiting seconds; and the bottleneck."""
        return json.loads(self._loader.stats())

    def ledger(self, shards: bool = False) -> dict:
        """What became of every sample: expected, delivered, substituted, skipped by reason, errors;
        by source, and with `shards` by shard."""
        return json.loads(self._loader.ledger(shards))


def _check_column(name: str, column) -> None:
    if isinstance(column, dict):
        return
    hint = ""
    if isinstance(column, (image_transform, image_patches)):
        hint = "; a transform goes into one: millrace.image(transform=...)"
    elif isinstance(column, Tokenizer):
        hint = "; a tokenizer goes into one: millrace.text(tokenizer=...)"
    raise TypeError(f"columns.{name} = {column!r}: must be a column, as millrace.image() gives one{hint}")


def _split(joined: torch.Tensor, sizes: list[int], is_text: bool) -> list:
    data = joined.numpy().tobytes()
    values = []
    begin = 0
    for size in sizes:
        value = data[begin : begin + size]
        values.append(value.decode("utf-8", "surrogateescape") if is_text else value)
        begin += size
    return values
