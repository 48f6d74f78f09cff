"""The processes of one training: what each is for, how they agree and how they add up. Usually there is one.

torchrun starts several and tells each its place in the environment.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from resnet_demo.engines import pick_device
from resnet_demo.texts import AppError

SHARED_AT_ONCE = 2**26
"""Bytes that the processes add up in one go."""


@dataclass(frozen=True)
class Ranks:
    """This process among all: `rank` of `world`, `local_world` of them on this machine, and its device."""

    device: torch.device
    rank: int = 0
    world: int = 1
    local_world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and looks at the clock."""
        return self.rank == 0

    def highest(self, value: int) -> int:
        """The highest of what all processes hand in."""
        if self.world == 1:
            return value
        agreed = torch.tensor(value)
        dist.all_reduce(agreed, dist.ReduceOp.MAX)
        return int(agreed)

    def added(self, values: Tensor) -> Tensor:
        """The sum over all processes, on the CPU."""
        total = values.detach().cpu()
        if self.world > 1:
            dist.all_reduce(total)
        return total

    def follow(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the first one's values, in place."""
        if self.world > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def fill_in(self, rows: Tensor) -> None:
        """Complete an array of which each process has filled other rows and left the rest zero.

        It is contiguous and on the CPU. Bytes are added up: zeros, and those of one process.
        """
        if self.world > 1:
            for part in torch.split(rows.view(-1).view(torch.uint8), SHARED_AT_ONCE):
                dist.all_reduce(part)

    def joined(self, value: dict[int, str]) -> dict[int, str]:
        """What all processes hand in, in one."""
        if self.world == 1:
            return value
        everything: list[dict[int, str]] = [{} for _ in range(self.world)]
        dist.all_gather_object(everything, value)
        return {key: found for part in everything for key, found in part.items()}

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over the processes in each backward pass.

        What norms have seen stays each process's own until `follow`.
        """
        if self.world == 1:
            return module
        wrapped = DistributedDataParallel(module)
        wrapped.broadcast_buffers = False  # no argument: its name depends on torch's version
        return wrapped

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of some tensors of one type by its sum over all processes."""
        if self.world > 1 and tensors:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, total in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
                tensor.copy_(total.view(tensor.shape))

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """A block in which each process works by itself; where memory does not suffice for one, it ends for all.

        Raises:
            AppError: here or in another process.
        """
        problem: AppError | None = None
        try:
            yield
        except AppError as error:
            problem = error
        if self.highest(int(problem is not None)):
            raise problem or AppError("train.problem.out_of_memory")


class StopAskedError(Exception):
    """Somebody asked the training to stop, and all its processes know."""


@contextlib.contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """This process's place, as the environment tells it; several meet here and part at the end."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    device = pick_device()
    torch.backends.cudnn.benchmark = True  # shapes seldom change, so the quickest convolution is worth finding
    if world == 1:
        yield Ranks(device)
        return
    rank, local_rank = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    local_world = int(os.environ["LOCAL_WORLD_SIZE"])
    if device.type == "cuda":
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    # DistributedDataParallel imports it too; where the group is there before, it keeps that, and the group's threads,
    # which may then bring the process down as it exits.
    importlib.import_module("torch._dynamo")
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    yield Ranks(device, rank, world, local_world)
    gc.collect()  # wrapped modules keep the group too
    # Not after an error: the others may be waiting, and end when this process does.
    dist.destroy_process_group()


def held_back(module: nn.Module, hold: bool) -> contextlib.AbstractContextManager[None]:
    """Inside, backward passes only add up gradients here; the next one outside averages them over the processes."""
    no_sync: Callable[[], contextlib.AbstractContextManager[None]] | None = getattr(module, "no_sync", None)
    return no_sync() if hold and no_sync else contextlib.nullcontext()
