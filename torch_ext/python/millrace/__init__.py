"""millrace: a streaming data loader for image-text training.

    loader = millrace.DataLoader("data/photos-{000000..000001}.tar", batch_size=256,
                                 columns=millrace.clip_columns(224), shuffle=True, seed=7)
    for batch in loader:
        train(batch["image"], batch["text"])
"""

from millrace.buckets import aspect_buckets, aspect_sizes
from millrace.columns import (
    attention_mask,
    clip_columns,
    image,
    number,
    raw,
    siglip2_columns,
    text,
)
from millrace.data_loader import DataLoader
from millrace.errors import LoaderError
from millrace.image_patches import image_patches
from millrace.image_steps import (
    center_crop,
    color_jitter,
    gaussian_blur,
    grayscale,
    horizontal_flip,
    hugging_face_clip_steps,
    letterbox,
    open_clip_steps,
    open_clip_train_steps,
    rand_augment,
    random_resized_crop,
    resize_cover,
    resize_exact,
    resize_longest,
    resize_shortest,
    simclr_steps,
    solarize,
)
from millrace.image_transforms import (
    NORMALIZATIONS,
    clip_pixels,
    clip_train_transform,
    clip_transform,
    image_output,
    image_transform,
    siglip_transform,
)
from millrace.samples import open  # noqa: A004 - the name of the public contract
from millrace.transforms import (
    ClipTokenizer,
    HuggingFaceClipTokenizer,
    SentencePieceTokenizer,
    TokenizerFile,
    decode_image,
    resize,
)

__version__ = "0.1.0"

__all__ = [
    "ClipTokenizer",
    "DataLoader",
    "HuggingFaceClipTokenizer",
    "LoaderError",
    "NORMALIZATIONS",
    "SentencePieceTokenizer",
    "TokenizerFile",
    "aspect_buckets",
    "aspect_sizes",
    "attention_mask",
    "center_crop",
    "clip_columns",
    "clip_pixels",
    "clip_train_transform",
    "clip_transform",
    "color_jitter",
    "decode_image",
    "gaussian_blur",
    "grayscale",
    "horizontal_flip",
    "hugging_face_clip_steps",
    "image",
    "image_output",
    "image_patches",
    "image_transform",
    "letterbox",
    "number",
    "open",
    "open_clip_steps",
    "open_clip_train_steps",
    "rand_augment",
    "random_resized_crop",
    "raw",
    "resize",
    "resize_cover",
    "resize_exact",
    "resize_longest",
    "resize_shortest",
    "siglip2_columns",
    "siglip_transform",
    "simclr_steps",
    "solarize",
    "text",
]
