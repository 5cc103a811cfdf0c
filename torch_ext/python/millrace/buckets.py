"""Buckets of aspect ratios: batches of one image shape each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from millrace._arguments import integer, integers
from millrace._library import ops
from millrace.columns import image
from millrace.image_steps import center_crop, resize_cover
from millrace.image_transforms import image_transform


def aspect_sizes(side: int, step: int = 32, max_aspect: float = 2.0) -> list[tuple[int, int]]:
    """Sizes (height, width) for buckets, from the tallest to the widest: of each multiple of `step` as
    width the largest multiple as height that leaves the area within side * side, and the other way
    round, as far as the longer side is at most `max_aspect` times the shorter one.

    Raises:
        ValueError: `side` is no multiple of `step`, or an argument is out of range.
    """
    sides = ops.aspect_sizes(integer("side", side), integer("step", step), max_aspect)
    return list(zip(sides[::2], sides[1::2]))


def aspect_buckets(
    sizes: Sequence[tuple[int, int]], columns: Callable[[tuple[int, int]], dict] | None = None
) -> list[dict]:
    """What DataLoader's `buckets` takes: for each size (height, width) the columns that batches of
    images of about this aspect ratio have besides the loader's own. Without `columns` that is "image",
    resized to cover the size, what hangs over cut off on both sides.

        sizes = millrace.aspect_sizes(224)
        loader = millrace.DataLoader(shards, buckets=millrace.aspect_buckets(sizes))
    """
    return [
        {
            "size": integers("size", size, "(height, width)"),
            "columns": (columns or _covering)(size),
        }
        for size in sizes
    ]


def _covering(size: tuple[int, int]) -> dict:
    return {"image": image(transform=image_transform([resize_cover(size), center_crop(size)]))}
