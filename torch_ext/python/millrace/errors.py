"""Errors about data."""

from __future__ import annotations


class LoaderError(RuntimeError):
    """Data that cannot be used: a missing shard, a bad sample, an exhausted error budget.

    Attributes (None where they do not apply):
        reason: one of the stable names that ledgers use, e.g. "bad_image".
        shard:  path of the shard.
        offset: byte offset in the shard.
        key:    key of the sample.
    """

    def __init__(
        self,
        message: str,
        reason: str | None = None,
        shard: str | None = None,
        offset: int | None = None,
        key: str | None = None,
    ):
        super().__init__(message)
        self.reason = reason
        self.shard = shard
        self.offset = offset
        self.key = key

    @classmethod
    def check(cls, parts: tuple[list[str], int]) -> None:
        """Raises if the parts, as the library hands them over, are those of an error."""
        if parts[0]:
            raise cls.from_parts(parts)

    @classmethod
    def from_parts(cls, parts: tuple[list[str], int]) -> LoaderError:
        """From what the library hands over: [message, reason, shard, key] and the offset or -1."""
        (message, reason, shard, key), offset = parts
        return cls(message, reason, shard or None, offset if offset >= 0 else None, key or None)
