"""Data-parallel training in several processes (torchrun), usually one: rank, world size and collectives."""

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
"""Bytes in one all-reduce."""


@dataclass(frozen=True)
class DistributedContext:
    """This process's rank, the world size, how many of the processes run on this machine, and the device."""

    device: torch.device
    rank: int = 0
    world_size: int = 1
    local_world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and watches the time: rank 0."""
        return self.rank == 0

    def all_max(self, value: int) -> int:
        """The maximum over all processes."""
        if self.world_size == 1:
            return value
        highest = torch.tensor(value)
        dist.all_reduce(highest, dist.ReduceOp.MAX)
        return int(highest)

    def all_sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, on the CPU."""
        total = values.detach().cpu()
        if self.world_size > 1:
            dist.all_reduce(total)
        return total

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Copy the values of rank 0 to all processes, in place."""
        if self.world_size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def merge_rows(self, rows: Tensor) -> None:
        """Complete, in place, an array of which each process has filled other rows and left the rest zero.

        It is contiguous and on the CPU. Bytes are added up: zeros, and those of one process.
        """
        if self.world_size > 1:
            for part in torch.split(rows.view(-1).view(torch.uint8), SHARED_AT_ONCE):
                dist.all_reduce(part)

    def merge_dicts(self, value: dict[int, str]) -> dict[int, str]:
        """The union of the dictionaries of all processes."""
        if self.world_size == 1:
            return value
        everything: list[dict[int, str]] = [{} for _ in range(self.world_size)]
        dist.all_gather_object(everything, value)
        return {key: found for part in everything for key, found in part.items()}

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over the processes in each backward pass.

        What norms have seen stays each process's own until `broadcast`.
        """
        if self.world_size == 1:
            return module
        wrapped = DistributedDataParallel(module)
        wrapped.broadcast_buffers = False  # no argument: its name depends on torch's version
        return wrapped

    def all_sum_in_place(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of several tensors of one dtype by its sum over all processes."""
        if self.world_size > 1 and tensors:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, total in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
                tensor.copy_(total.view(tensor.shape))

    @contextlib.contextmanager
    def fail_together(self) -> Iterator[None]:
        """A block in which each process works by itself; an AppError in one of them is raised in all.

        Raises:
            AppError: here or in another process.
        """
        problem: AppError | None = None
        try:
            yield
        except AppError as error:
            problem = error
        self.raise_together(problem)

    def raise_together(self, problem: AppError | None) -> None:
        """Compare notes with the other processes, each of which calls this, with its problem if it has one.

        Raises:
            AppError: the problem, or that of another process.
        """
        if self.all_max(int(problem is not None)):
            raise problem or AppError("train.problem.out_of_memory")


class StopAskedError(Exception):
    """The training was asked to stop; raised in all of its processes."""


@contextlib.contextmanager
def distributed_context() -> Iterator[DistributedContext]:
    """The context that the environment describes; the process group is set up and, at the end, destroyed."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    device = pick_device()
    torch.backends.cudnn.benchmark = True  # shapes seldom change, so the quickest convolution is worth finding
    if world_size == 1:
        yield DistributedContext(device)
        return
    rank, local_rank = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    local_world_size = int(os.environ["LOCAL_WORLD_SIZE"])
    if device.type == "cuda":
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    # DistributedDataParallel imports it too; where the group is there before, it keeps that, and the group's threads,
    # which may then bring the process down as it exits.
    importlib.import_module("torch._dynamo")
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    yield DistributedContext(device, rank, world_size, local_world_size)
    gc.collect()  # wrapped modules keep the group too
    # Not after an error: the others may be waiting, and end when this process does.
    dist.destroy_process_group()


def without_sync(module: nn.Module, hold: bool) -> contextlib.AbstractContextManager[None]:
    """With `hold`, backward passes accumulate gradients locally, as DistributedDataParallel's `no_sync`."""
    no_sync: Callable[[], contextlib.AbstractContextManager[None]] | None = getattr(module, "no_sync", None)
    return no_sync() if hold and no_sync else contextlib.nullcontext()
