"""The training step, tried again in smaller micro-batches when memory runs out; several processes agree on it."""

from __future__ import annotations

from torch import Tensor

from resnet_demo.out_of_memory import is_out_of_memory
from resnet_demo.texts import AppError
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.train_state import TrainState


class RetriedStep:
    """`TrainState.step` in as many micro-batches as memory requires.

    Of several processes none can step back once they exchange gradients in the backward pass. So the first batch of
    each size is tried by each process alone, and its gradients are summed afterwards.
    """

    def __init__(self, train_state: TrainState) -> None:
        self.train_state = train_state
        self._tried_sizes: set[tuple[int, ...]] = set()

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """One step on a batch; returns the sum of this process's losses.

        Raises:
            AppError: not even a few photos at a time fit into memory, here or in another process.
        """
        state, size = self.train_state, (batch.photos, *batch.inputs.shape[1:])
        if state.distributed.world_size > 1 and size in self._tried_sizes:
            return state.step(batch, rate, state.micro_batching.count_for(len(batch.inputs)))
        trial = _Trial(state)
        try:
            loss = state.micro_batching.run(len(batch.inputs), lambda count: trial.step(batch, rate, count))
        except AppError as problem:
            if not trial.gradients_are_there:
                state.distributed.raise_together(problem)
            raise
        self._tried_sizes.add(size)
        return loss


class _Trial:
    """A step that each process takes by itself up to its gradients; then they agree that none of them has failed."""

    def __init__(self, state: TrainState) -> None:
        self.state = state
        self.gradients_are_there = False

    def step(self, batch: Batch, rate: float, micro_batches: int) -> Tensor:
        """One attempt; where it fails before the gradients are there, all is as before.

        Raises:
            AppError: memory has run out in the update, which is not undone; or in another process.
        """
        before = [buffer.clone() for buffer in self.state.trainable.buffers()]
        try:
            return self.state.step(batch, rate, micro_batches, self._exchange)
        except Exception as error:
            if self.gradients_are_there and is_out_of_memory(error):
                raise AppError("train.problem.out_of_memory") from error
            self.state.optimiser.zero_grad(set_to_none=True)
            for buffer, kept in zip(self.state.trainable.buffers(), before, strict=True):
                buffer.copy_(kept)
            raise

    def _exchange(self) -> None:
        self.gradients_are_there = True
        distributed = self.state.distributed
        distributed.raise_together(None)
        for group in self.state.optimiser.param_groups:
            distributed.all_sum_in_place([one.grad for one in group["params"] if one.grad is not None])
