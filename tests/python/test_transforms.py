"""The transforms against the live Pillow, byte for byte."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import millrace

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
FILTERS = {
    "nearest": Image.NEAREST,
    "box": Image.BOX,
    "bilinear": Image.BILINEAR,
    "hamming": Image.HAMMING,
    "bicubic": Image.BICUBIC,
    "lanczos": Image.LANCZOS,
}


def pillow_clip_pixels(image: Image.Image, size: int) -> Image.Image:
    """torchvision's Resize(size) and CenterCrop(size) on a PIL image."""
    width, height = image.size
    short, long = sorted((width, height))
    longer = int(size * long / short)
    new = (size, longer) if width <= height else (longer, size)
    if new != image.size:
        image = image.resize(new, Image.BICUBIC)
    left = int(round((image.width - size) / 2.0))
    top = int(round((image.height - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def pillow_clip(image: Image.Image, size: int) -> torch.Tensor:
    pixels = np.asarray(pillow_clip_pixels(image, size)).copy()
    scaled = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    return scaled.sub(MEAN).div(STD)


def encoded(rng, mode="RGB", format="JPEG", **options) -> bytes:
    height, width = rng.integers(1, 400, size=2)
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (height, width, bands) if bands > 1 else (height, width)
    data = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8), mode).save(data, format, **options)
    return data.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_decodes_to_pillows_pixels(mode):
    rng = np.random.default_rng(3)
    for i in range(40):
        options = {} if mode == "L" else {"subsampling": i % 3}
        data = encoded(rng, mode, quality=int(rng.integers(5, 95)), **options)
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.array_equal(millrace.decode_image(data).numpy(), expected)


@pytest.mark.parametrize("mode, format", [("RGB", "PNG"), ("RGBA", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("RGB", "WEBP"), ("RGBA", "WEBP")])
def test_png_and_webp_decode_to_pillows_pixels(mode, format):
    rng = np.random.default_rng(4)
    for _ in range(20):
        data = encoded(rng, mode, format)
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.array_equal(millrace.decode_image(data).numpy(), expected)


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff", b"GIF89a" + bytes(20)])
def test_what_is_no_image_is_an_error(data):
    with pytest.raises(millrace.LoaderError) as raised:
        millrace.decode_image(data)
    assert raised.value.reason in ("bad_image", "unsupported_image")


@pytest.mark.parametrize("filter", FILTERS)
def test_resize_equals_pillows(filter):
    rng = np.random.default_rng(5)
    for i in range(60):
        height, width = rng.integers(1, 200, size=2)
        size = tuple(int(side) for side in rng.integers(1, 200, size=2))
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        box = None
        if i % 3 == 0:
            left, right = np.sort(rng.uniform(0, width, 2))
            top, bottom = np.sort(rng.uniform(0, height, 2))
            if right - left > 0.5 and bottom - top > 0.5:
                box = (left, top, right, bottom)
        expected = Image.fromarray(image).resize(size[::-1], FILTERS[filter], box=box)
        assert np.array_equal(millrace.resize(image, size, filter, box).numpy(), np.asarray(expected))


@pytest.mark.parametrize("size", [1, 32, 224, 336])
def test_clip_transform_equals_pillow_and_torch(size):
    rng = np.random.default_rng(6)
    for _ in range(15):
        height, width = rng.integers(size // 3 + 1, size * 3 + 2, size=2)
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        ours = millrace.clip_transform(size)(image)
        assert torch.equal(ours, pillow_clip(Image.fromarray(image), size))


def test_wrong_arguments_are_value_errors():
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="filter"):
        millrace.resize(image, (2, 2), "cubic")
    with pytest.raises(ValueError, match="size"):
        millrace.resize(image, (0, 2))
    with pytest.raises(ValueError):
        millrace.resize(image[:, :, 0], (2, 2))
    with pytest.raises(ValueError):
        millrace.resize(image.astype(np.float32), (2, 2))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (((10.5, 10),), "size = 10.5"),
        ((10,), r"size = 10: must be \(height, width\)"),
        (((10, 10), Image.BICUBIC), "filter = "),
        (((10, 10), "bicubic", 4), r"box = 4: must be \(left, top, right, bottom\)"),
    ],
)
def test_arguments_of_other_types_are_type_errors_that_name_them(arguments, message):
    with pytest.raises(TypeError, match=message):
        millrace.resize(np.zeros((4, 4, 3), np.uint8), *arguments)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_a_pillow_image_of_another_mode_is_to_be_converted(mode):
    image = Image.new(mode, (40, 30))
    for call in (millrace.clip_transform(20), lambda image: millrace.resize(image, (20, 20))):
        with pytest.raises(ValueError, match=rf'mode {mode} .*\.convert\("RGB"\)'):
            call(image)
        assert call(image.convert("RGB")).numel() == 1200


def test_the_tokenizer_gives_clips_ids():
    tokens = millrace.ClipTokenizer()(["a photo of a cat", "", "HELLO   World!"])
    assert tokens.dtype == torch.int64 and tokens.shape == (3, 77)
    assert tokens[0, :8].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407, 0]
    assert tokens[1, :3].tolist() == [49406, 49407, 0]
    assert tokens[2, :5].tolist() == [49406, 3306, 1002, 256, 49407]
    assert millrace.ClipTokenizer(context_length=4)("a photo of a cat").tolist() == [[49406, 320, 1125, 49407]]
