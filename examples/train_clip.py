"""Trains a small CLIP from WebDataset shards and says what it has learnt.

    ./dev python examples/train_clip.py --train ".demo/train-{000000..000007}.tar" \
        --held-out .demo/held_out-000000.tar

The same model, data order and report as train_clip.cpp. Exit status 1 if the loss did not fall.
"""

import argparse
import math
import os
import sys
import time

# Before torch comes in: threads of OpenMP that spin while they wait take the cores that the loader's
# threads need.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import millrace


class ImageEncoder(nn.Module):
    """Float [N, 3, size, size] -> [N, joint_width]."""

    def __init__(self, image_size: int, joint_width: int, channels: int = 24):
        super().__init__()
        widths = [3, channels, 2 * channels, 4 * channels, 4 * channels]
        layers: list[nn.Module] = []
        for before, after in zip(widths, widths[1:]):
            convolution = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
        # Flattened rather than averaged: where a shape is matters as much as what it is.
        flat = widths[-1] * (image_size // 16) ** 2
        layers += [nn.Flatten(), nn.Linear(flat, 256), nn.ReLU(), nn.Linear(256, joint_width)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class TextBlock(nn.Module):
    """Causal attention and a two-layer perceptron, normalised before each."""

    HEADS = 4

    def __init__(self, width: int):
        super().__init__()
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        batch, length, width = tokens.shape
        heads = self.query_key_value(self.attention_norm(tokens))
        heads = heads.view(batch, length, 3, self.HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        tokens = tokens + self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))
        return tokens + self.perceptron(self.perceptron_norm(tokens))


class TextEncoder(nn.Module):
    """Int64 token ids [N, 77] -> [N, joint_width], read off at the end-of-text token."""

    def __init__(self, joint_width: int, width: int = 96, length: int = 24, blocks: int = 2):
        super().__init__()
        self.length = length  # longer captions are cut: attention costs its square
        self.embedding = nn.Embedding(49408, 64)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.widen = nn.Linear(64, width)
        self.positions = nn.Parameter(0.1 * torch.randn(length, width))
        self.blocks = nn.Sequential(*(TextBlock(width) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, joint_width)

    def forward(self, ids: Tensor) -> Tensor:
        ids = ids[:, : self.length]
        tokens = self.norm(self.blocks(self.widen(self.embedding(ids)) + self.positions))
        # The end-of-text token has the largest id, and the causal mask lets it see the whole caption.
        return self.project(tokens[torch.arange(len(ids), device=ids.device), ids.argmax(1)])


class Clip(nn.Module):
    def __init__(self, image_size: int, joint_width: int = 128):
        super().__init__()
        self.image_encoder = ImageEncoder(image_size, joint_width)
        self.text_encoder = TextEncoder(joint_width)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def encode_images(self, images: Tensor) -> Tensor:
        return F.normalize(self.image_encoder(images))

    def encode_texts(self, ids: Tensor) -> Tensor:
        return F.normalize(self.text_encoder(ids))

    def loss(self, images: Tensor, ids: Tensor) -> Tensor:
        """Each picture must find its caption among those of the batch, and the other way round."""
        scale = self.log_scale.clamp(max=math.log(100)).exp()
        logits = scale * self.encode_images(images) @ self.encode_texts(ids).T
        own = torch.arange(len(ids), device=ids.device)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def train(model: Clip, loader: millrace.DataLoader, device: str, epochs: int, peak_rate: float):
    """Returns the loss of every step and the seconds it took."""
    steps = epochs * len(loader)
    warm_up_steps = min(50, steps / 10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=0.05)
    losses: list[float] = []
    begin = time.perf_counter()
    for _ in range(epochs):
        for batch in loader:
            step = len(losses)
            warm_up = min(1, (step + 1) / warm_up_steps)
            for group in optimizer.param_groups:
                group["lr"] = peak_rate * warm_up * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            images = batch["image"].to(device, non_blocking=True)
            loss = model.loss(images, batch["text"].to(device, non_blocking=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            show_progress(losses, steps, len(images), begin)
    return losses, time.perf_counter() - begin


def show_progress(losses: list[float], steps: int, batch_size: int, begin: float) -> None:
    """On a terminal one line that is written over; elsewhere a line now and then."""
    step = len(losses)
    terminal = sys.stdout.isatty()
    if not terminal and step % max(1, steps // 10) != 0 and step != steps:
        return
    speed = step * batch_size / (time.perf_counter() - begin)
    line = f"step {step:4} of {steps}   loss {losses[-1]:.3f}   {speed:.0f} images/s"
    if terminal:
        print(f"\r{line}   ", end="\n" if step == steps else "", flush=True)
    else:
        print(line, flush=True)


@torch.no_grad()
def measure_recall(model: Clip, loader: millrace.DataLoader, device: str) -> tuple[float, float, int]:
    """How often the nearest of all captions is the picture's own, the other way round, of how many."""
    model.eval()
    images, texts = [], []
    for batch in loader:
        images.append(model.encode_images(batch["image"].to(device)))
        texts.append(model.encode_texts(batch["text"].to(device)))
    model.train()
    similarity = torch.cat(images) @ torch.cat(texts).T
    own = torch.arange(len(similarity), device=device)
    image_to_text, text_to_image = (
        (similarity.argmax(dimension) == own).double().mean().item() for dimension in (1, 0)
    )
    return image_to_text, text_to_image, len(similarity)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def main() -> int:
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--train", default="shapes/train-{000000..000007}.tar")
    parser.add_argument("--held-out", default="shapes/held_out-000000.tar")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(arguments.seed)
    options = {
        "batch_size": arguments.batch_size,
        "columns": millrace.clip_columns(arguments.image_size),
        "seed": arguments.seed,
        "threads": arguments.threads,
    }
    loader = millrace.DataLoader(arguments.train, shuffle=True, drop_last=True, **options)
    held_out = millrace.DataLoader(arguments.held_out, **options)
    model = Clip(arguments.image_size).to(device)
    print(f"{loader.samples} pairs to train on, {held_out.samples} held out, on {device}")

    before = measure_recall(model, held_out, device)
    losses, seconds = train(model, loader, device, arguments.epochs, arguments.learning_rate)
    image_to_text, text_to_image, pairs = measure_recall(model, held_out, device)

    first, last = mean(losses[:5]), mean(losses[-20:])
    stats, ledger = loader.stats(), loader.ledger()
    images = len(losses) * arguments.batch_size
    print(f"\nloss             {first:.3f} -> {last:.3f}")
    print(f"Recall@1         image to text {image_to_text:.1%}, text to image {text_to_image:.1%}")
    print(
        f"                 on {pairs} held-out pairs; chance {1 / pairs:.2%}, "
        f"before training {before[0]:.1%}, {before[1]:.1%}"
    )
    print(f"speed            {images / seconds:.0f} images/s, {images} images in {seconds:.1f} s")
    print(f"waited for data  {stats['waiting_seconds']:.1f} s; bottleneck: {stats['bottleneck']}")
    print(
        f"ledger           {ledger['expected']} expected = {ledger['delivered']} delivered + "
        f"{ledger['substituted']} substituted + {sum(ledger['skipped'].values())} skipped"
    )
    for reason, count in ledger["skipped"].items():
        print(f"                 skipped as {reason}: {count}")
    if not last < first:
        print("train_clip: the loss did not fall", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
