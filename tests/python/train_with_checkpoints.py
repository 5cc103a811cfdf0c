"""A small training run as torchrun starts it: DistributedDataParallel over gloo, checkpoints, resume.

    torchrun --nproc-per-node N train_with_checkpoints.py FOLDER SOURCES GLOBAL_BATCH EPOCHS

Goes on from FOLDER/checkpoint.pt where there is one. Each rank appends to FOLDER/rank-R.jsonl what every
step saw; the steps after the last checkpoint of a run that dies are done again by the next one.
"""

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import millrace

STEPS_A_CHECKPOINT = 3


def make_model() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(392, 1)
    )


def main(folder: Path, sources: str, global_batch: int, epochs: int) -> None:
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    rank, world = dist.get_rank(), dist.get_world_size()
    columns = {
        "image": millrace.image(transform=millrace.clip_transform(16)),
        "n": millrace.number("json:n", dtype="float32"),
        "key": millrace.raw("__key__"),
    }
    loader = millrace.DataLoader(
        sources, batch_size=global_batch // world, columns=columns, shuffle=True, seed=11
    )  # rank and world size: torch.distributed's
    model = DistributedDataParallel(make_model())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    step = 0
    path = folder / "checkpoint.pt"
    if path.exists():
        checkpoint = torch.load(path, weights_only=True)
        model.module.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        loader.load_state_dict(checkpoint["loader"])
        step = checkpoint["step"]

    with open(folder / f"rank-{rank}.jsonl", "a", buffering=1) as log:
        log.write(json.dumps({"pid": os.getpid(), "world": world, "from_step": step}) + "\n")
        while loader.epoch < epochs:
            for batch in loader:
                loss = (model(batch["image"]).squeeze(1) - batch["n"] / 120).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
                mean = loss.detach() / world
                dist.all_reduce(mean)
                log.write(json.dumps({"step": step, "keys": batch["key"], "loss": mean.item()}) + "\n")
                if step % STEPS_A_CHECKPOINT == 0:
                    dist.barrier()
                    if rank == 0:
                        fresh = path.with_suffix(".new")
                        torch.save(
                            {
                                "model": model.module.state_dict(),
                                "optimizer": optimizer.state_dict(),
                                "loader": loader.state_dict(),
                                "step": step,
                            },
                            fresh,
                        )
                        os.replace(fresh, path)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
