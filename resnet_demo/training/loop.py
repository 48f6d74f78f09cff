"""The training loop: epochs of steps, validation after each, checkpoints, and the best model kept."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from functools import partial

import torch
from torch import Tensor

from resnet_demo.models.resnet import ResNet
from resnet_demo.settings import Settings
from resnet_demo.training import best_model, checkpoint, head_training, optimisation
from resnet_demo.training.accuracy_and_loss import Scores, metrics, probabilities, score
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.checkpoint import CheckpointTimer
from resnet_demo.training.distributed import DistributedContext, StopAskedError, distributed_context
from resnet_demo.training.progressive_resizing import picture_size
from resnet_demo.training.run import Run
from resnet_demo.training.run_logger import RunLogger, require_finite
from resnet_demo.training.train_state import on_device
from resnet_demo.training.training_setup import TrainingSetup, collect_predictions, decode_test_photos, prepare


class Signal(IntEnum):
    """What all processes do after a step; the highest that one of them asks for."""

    CONTINUE = 0
    SAVE = 1
    KEEP = 2
    END_NOW = 3


def train(run: Run, settings: Settings, features: Mapping[bytes, Tensor] | None = None) -> None:
    """Train the network of a run, from its beginning or its newest checkpoint, to its end; progress is in its events.

    Several processes that torchrun has started do it together: each learns from its part of every batch.

    Args:
        features: those that are known of photos, as for `head_training.train_head`, where that is what trains.

    Raises:
        AppError: it cannot go on; the sentence says why, and the last checkpoint and the best model stand.
    """
    with distributed_context() as distributed:
        logger = RunLogger(run, distributed)
        try:
            if run.config.optimiser == "lbfgs":
                head_training.train_head(run, settings, distributed, logger, features)
            else:
                _run_training(run, settings, distributed, logger)
        except StopAskedError:
            logger.event("stopped", how=run.worker.stop_asked())


def _run_training(run: Run, settings: Settings, distributed: DistributedContext, logger: RunLogger) -> None:
    """A function of its own, so that nothing of the training is left where the processes part."""
    Training(prepare(run, settings, distributed, logger)).run()


class Training:
    """A running training."""

    def __init__(self, setup: TrainingSetup) -> None:
        self.setup, self.position = setup, setup.position
        self.distributed, self.loader, self.train_state = setup.distributed, setup.loader, setup.train_state
        self.timer = CheckpointTimer()
        self.losses = self._losses()
        self.unwritten: tuple[ResNet, Scores] | None = None

    @property
    def step(self) -> int:
        """Steps done since the beginning."""
        return self.position.epoch * self.loader.steps + self.position.step

    def run(self) -> None:
        """Train to the end.

        Raises:
            StopAskedError: somebody asked for it; what was to be saved is.
            AppError: as for `train`.
        """
        try:
            while self.position.epoch < self.position.epochs:
                self.epoch()
            self.finish()
        except StopAskedError:
            raise
        except Exception:
            self.keep_best()
            raise

    def epoch(self) -> None:
        """Train for one epoch, or the rest of one, then validate and save.

        Raises:
            StopAskedError, AppError: as for `run`.
        """
        config, logger = self.setup.plan.config, self.setup.logger
        epoch = self.position.epoch
        size = picture_size(epoch, config.epochs, config.first_size, config.image_size)
        lengths = [cycle * self.loader.steps for cycle in self.position.cycles]
        logger.start_clock()
        for batch in self.loader.epoch(epoch, size, self.position.step):
            cycle = optimisation.cycle_of(self.step, lengths)
            rate = config.learning_rate * optimisation.rate_share(self.step, cycle, config.warmup)
            loss = self.setup.train_step(batch, rate)
            self._count(batch, loss)
            logger.step(self.position, self.loader.steps, loss, len(batch.inputs), rate)
            self._react(Signal(self.distributed.all_max(self._signal())))
        self._end_epoch(size)

    def _react(self, signal: Signal) -> None:
        if signal is Signal.KEEP and self.position.best is None:
            # What is to be kept is then that of no whole epoch.
            self._note_best(self._validate())
        if signal in (Signal.SAVE, Signal.KEEP):
            self.save()
        if signal >= Signal.KEEP:
            raise StopAskedError

    def _count(self, batch: Batch, loss: Tensor) -> None:
        self.losses += loss
        self.position = replace(self.position, step=self.position.step + 1, photos=self.position.photos + batch.photos)

    def _signal(self) -> Signal:
        """What rank 0 asks for: the others follow it."""
        if not self.distributed.is_main:
            return Signal.CONTINUE
        asked = self.setup.run.worker.stop_asked()
        if asked:
            return Signal.KEEP if asked == "keep" else Signal.END_NOW
        return Signal.SAVE if self.timer.due() else Signal.CONTINUE

    def _losses(self) -> Tensor:
        """The sum of this process's losses in this epoch, on the device; the first has what was before."""
        wide = torch.float32 if self.distributed.device.type == "mps" else torch.float64
        before = self.position.loss_sum if self.distributed.is_main else 0.0
        return torch.tensor(before, dtype=wide, device=self.distributed.device)

    def _add_up_losses(self) -> None:
        total = float(self.distributed.all_sum(self.losses))
        require_finite(total, self.step)
        self.position = replace(self.position, loss_sum=total)
        self.losses = self._losses()

    def save(self) -> None:
        """Write the best model, if it is new, and a checkpoint that counts on it.

        Raises:
            AppError: the disk has no room for it, or the loss is not finite; what was written before stands.
        """
        self._add_up_losses()
        started = time.monotonic()
        self.keep_best()
        if self.distributed.is_main:
            with self.setup.run.checkpoints.write(self.step) as folder:
                checkpoint.save(folder, self.setup.plan, self.position, self.train_state)
        self.timer.wrote(time.monotonic() - started)

    def keep_best(self) -> None:
        """Write the best model, if it is not on the disk yet.

        Raises:
            AppError: the disk has no room for it; the one before stands.
        """
        if self.unwritten is not None:
            network, scores = self.unwritten
            best_model.keep(self.setup.run, network, self.setup.plan, self.setup.splits, metrics(val=scores))
            self.unwritten = None

    def _end_epoch(self, size: int) -> None:
        self._add_up_losses()
        before, scores = self.position, self._validate()
        better = scores.better_than(before.best)
        if better:
            self._note_best(scores)
        self.setup.logger.epoch(before, before.loss_sum / before.photos, scores, better, size)
        self.position = replace(
            before,
            epoch=before.epoch + 1,
            step=0,
            loss_sum=0.0,
            photos=0,
            best=scores if better else before.best,
            waited=0 if better else before.waited + 1,
        )
        patience = self.setup.plan.config.early_stop
        if patience and self.position.waited >= patience and self.position.epoch < self.position.epochs:
            self.position = self.position.ended()
            self.setup.logger.message("train.said.early_stop", epochs=patience)
        self.losses = self._losses()
        over = self.position.epoch == self.position.epochs
        if self.distributed.all_max(int(over or (self.distributed.is_main and self.timer.affordable()))):
            self.save()

    def _validate(self) -> Scores:
        self.train_state.sync_buffers()
        photos = len(self.loader.validation.readable)
        report = self.setup.logger.phase("validating", photos, announced=False)
        batches = self.loader.validation_batches()
        scores = score(self.train_state.eval_logits, batches, self.distributed, report)
        require_finite(scores.loss_sum, self.step)
        return scores

    def _note_best(self, scores: Scores) -> None:
        """The network as it is now is the best so far; it is written when the next checkpoint is."""
        if self.distributed.is_main:
            self.unwritten = copy.deepcopy(self.train_state.eval_model.network), scores

    def finish(self) -> None:
        """Evaluate the best model on the test photos, once, in float32; save and log the result.

        Raises:
            StopAskedError, AppError: as for `run`.
        """
        setup, run = self.setup, self.setup.run
        self.distributed.all_max(0)  # nobody reads before the first process has written
        network = on_device(best_model.open_kept(run).network, self.distributed.device)
        photos = decode_test_photos(setup)
        predicted = probabilities(partial(self.train_state.eval_batching.apply, network), photos, self.loader)
        scores = Scores.of(predicted, photos.labels[photos.readable])
        found = metrics(val=self.position.best or Scores(), test=scores)
        if self.distributed.is_main:
            best_model.keep(run, network, setup.plan, setup.splits, found)
            run.artefacts.write_test_predictions(collect_predictions(setup.splits, photos, predicted))
            run.events.append("finished", **found, test_looks=run.events.test_set_uses + 1)
