"""millrace: a streaming data loader for image-text training.

    loader = millrace.DataLoader("data/photos-{000000..000001}.tar", batch_size=256,
                                 columns=millrace.clip_columns(224), shuffle=True, seed=7)
    for batch in loader:
        train(batch["image"], batch["text"])
"""

from millrace.columns import clip_columns, image, number, raw, text
from millrace.data_loader import DataLoader
from millrace.errors import LoaderError
from millrace.samples import open  # noqa: A004 - the name of the public contract
from millrace.transforms import ClipTokenizer, clip_pixels, clip_transform, decode_image, resize

__version__ = "0.1.0"

__all__ = [
    "ClipTokenizer",
    "DataLoader",
    "LoaderError",
    "clip_columns",
    "clip_pixels",
    "clip_transform",
    "decode_image",
    "image",
    "number",
    "open",
    "raw",
    "resize",
    "text",
]
