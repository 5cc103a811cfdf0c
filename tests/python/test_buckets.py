"""Batches of one aspect ratio each."""

import io

import numpy as np
import pytest
import torch
from conftest import write_tar
from PIL import Image

import millrace

SIZES = millrace.aspect_sizes(64, step=16)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> tuple[str, dict[str, Image.Image]]:
    """A spec of shards, and key -> picture."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(4)
    images, members = {}, []
    for n in range(200):
        height, width = rng.integers(30, 120, size=2)
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        data = io.BytesIO()
        image.save(data, "PNG")
        images[f"{n:04d}"] = image
        members += [(f"{n:04d}.png", data.getvalue()), (f"{n:04d}.txt", f"number {n}".encode())]
    for shard in range(4):
        write_tar(folder / f"{shard}.tar", members[shard * 100 : shard * 100 + 100])
    return str(folder / "{0..3}.tar"), images


def covering(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """The picture as Pillow makes it cover the size, what hangs over cut off."""
    scale = max(size[0] / image.height, size[1] / image.width)
    height, width = round(image.height * scale), round(image.width * scale)
    resized = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
    return resized[top : top + size[0], left : left + size[1]]


def uint8_column(size):
    steps = [millrace.resize_cover(size), millrace.center_crop(size)]
    transform = millrace.image_transform(steps, output=millrace.image_output("uint8", "hwc"))
    return {"image": millrace.image(transform=transform)}


def test_pictures_come_once_in_the_shape_nearest_to_theirs_as_pillow_makes_it(pictures):
    spec, images = pictures
    loader = millrace.DataLoader(
        spec, batch_size=8, shuffle=True, seed=1,
        columns={"__key__": millrace.raw("__key__"), "text": millrace.text()},
        buckets=millrace.aspect_buckets(SIZES, uint8_column),
    )
    assert len(loader) == 25
    seen, strangers, shapes = set(), 0, set()
    for batch in loader:
        assert list(batch) == ["__key__", "text", "image"]
        size = tuple(batch["image"].shape[1:3])
        assert size in SIZES
        shapes.add(size)
        for key, image in zip(batch["__key__"], batch["image"]):
            assert key not in seen
            seen.add(key)
            assert np.array_equal(image.numpy(), covering(images[key], size))
            aspect = images[key].width / images[key].height
            nearest = min(SIZES, key=lambda s: abs(np.log(s[1] / s[0]) - np.log(aspect)))
            strangers += nearest != size
    assert seen == set(images)
    assert shapes == set(SIZES)
    assert strangers < 8 * len(SIZES)
    assert loader.ledger()["delivered"] == 200


def test_a_run_of_buckets_goes_on_with_what_is_left(pictures):
    spec, images = pictures

    def make(batch_size):
        return millrace.DataLoader(
            spec, batch_size=batch_size, shuffle=True, seed=2, bucket_run=16,
            columns={"__key__": millrace.raw("__key__")}, buckets=millrace.aspect_buckets(SIZES),
        )

    loader, seen, state = make(16), [], None
    for number, batch in enumerate(loader):
        seen += batch["__key__"]
        assert batch["image"].dtype == torch.float32
        if number == 4:
            state = loader.state_dict()
            break
    resumed = make(8)
    resumed.load_state_dict(state)
    for batch in resumed:
        seen += batch["__key__"]
    assert sorted(seen) == sorted(images)


def test_buckets_have_the_text_of_clip_unless_told_otherwise(pictures):
    batch = next(iter(millrace.DataLoader(pictures[0], buckets=millrace.aspect_buckets(SIZES))))
    assert list(batch) == ["image", "text"]
    assert batch["text"].shape[1] == 77
    assert tuple(batch["image"].shape[2:]) in SIZES
    batch = next(iter(millrace.DataLoader(pictures[0], buckets=None)))
    assert batch["image"].shape[2:] == (224, 224)


def test_wrong_buckets_are_refused(pictures):
    spec, _ = pictures
    buckets = millrace.aspect_buckets(SIZES)
    columns = {"text": millrace.text()}
    with pytest.raises(ValueError, match="samples_per_epoch"):
        millrace.DataLoader(spec, columns=columns, buckets=buckets, samples_per_epoch=10)
    with pytest.raises(ValueError, match="aspect ratio"):
        millrace.DataLoader(spec, columns=columns, buckets=buckets + buckets[:1])
    with pytest.raises(ValueError, match="side = 100"):
        millrace.aspect_sizes(100)


def test_sizes_that_are_no_integers_are_refused_by_name():
    with pytest.raises(TypeError, match="side = 64.5"):
        millrace.aspect_sizes(64.5)
    with pytest.raises(TypeError, match="size = 48.5"):
        millrace.aspect_buckets([(48.5, 64)])
