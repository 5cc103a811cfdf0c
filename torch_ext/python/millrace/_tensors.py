"""What is handed to the library, as tensors."""

from __future__ import annotations

import warnings

import numpy as np
import torch


def bytes_tensor(data) -> torch.Tensor:
    """A uint8 tensor over bytes-like data (or a 1-D uint8 tensor as it is)."""
    if isinstance(data, torch.Tensor):
        return data.contiguous()
    view = memoryview(data)
    if view.nbytes == 0:
        return torch.empty(0, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is only read, so read-only memory is fine
        return torch.frombuffer(view, dtype=torch.uint8)


def image_tensor(image) -> torch.Tensor:
    """A uint8 tensor of an image: a tensor, an array, or what can be made one (as an image of Pillow's)."""
    if not isinstance(image, torch.Tensor):
        mode = getattr(image, "mode", "RGB")
        if mode != "RGB":
            raise ValueError(f'an image of mode {mode} is not taken: give its .convert("RGB")')
        image = torch.from_numpy(np.array(image, copy=True))
    return image.contiguous()
