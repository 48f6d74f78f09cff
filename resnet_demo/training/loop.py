"""The one loop: epochs of steps, a look at the validation photos after each, checkpoints, and the best model kept."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from enum import IntEnum
from functools import partial

import torch
from torch import Tensor

from resnet_demo.models.resnet import ResNet
from resnet_demo.settings import Settings
from resnet_demo.training import best, checkpoint, recipe
from resnet_demo.training.checkpoint import Pace
from resnet_demo.training.feed import Batch
from resnet_demo.training.growth import picture_size
from resnet_demo.training.journal import Journal, require_finite
from resnet_demo.training.learner import on_device
from resnet_demo.training.lesson import Lesson, answers_of, final_photos, prepare
from resnet_demo.training.ranks import Ranks, StopAskedError, joined_ranks
from resnet_demo.training.run import Run
from resnet_demo.training.scores import Scores, probabilities, score


class Signal(IntEnum):
    """What all processes do after a step; the highest that one of them asks for."""

    GO_ON = 0
    SAVE = 1
    KEEP = 2
    END_NOW = 3


def train(run: Run, settings: Settings) -> None:
    """Teach the network of a run from its beginning or its newest checkpoint to its end; how it goes is in its events.

    Several processes that torchrun has started do it together: each learns from its part of every batch.

    Raises:
        AppError: it cannot go on; the sentence says why, and the last checkpoint and the best model stand.
    """
    with joined_ranks() as ranks:
        journal = Journal(run, ranks)
        try:
            _carry_out(run, settings, ranks, journal)
        except StopAskedError:
            journal.tell("stopped", how=run.stop_asked())


def _carry_out(run: Run, settings: Settings, ranks: Ranks, journal: Journal) -> None:
    """A function of its own, so that nothing of the training is left where the processes part."""
    Training(prepare(run, settings, ranks, journal)).go_on()


class Training:
    """A training under way."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson, self.position = lesson, lesson.position
        self.ranks, self.feed, self.learner = lesson.ranks, lesson.feed, lesson.learner
        self.pace = Pace()
        self.losses = self._losses()
        self.unwritten: tuple[ResNet, Scores] | None = None

    @property
    def step(self) -> int:
        """Steps done since the beginning."""
        return self.position.epoch * self.feed.steps + self.position.step

    def go_on(self) -> None:
        """Do all that is left.

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
        """Do an epoch, or the rest of one, and all that belongs to its end.

        Raises:
            StopAskedError, AppError: as for `go_on`.
        """
        config, journal = self.lesson.plan.config, self.lesson.journal
        epoch = self.position.epoch
        size = picture_size(epoch, config.epochs, config.first_size, config.image_size)
        lengths = [cycle * self.feed.steps for cycle in self.position.cycles]
        journal.start_clock()
        for batch in self.feed.epoch(epoch, size, self.position.step):
            cycle = recipe.cycle_of(self.step, lengths)
            rate = config.learning_rate * recipe.rate_share(self.step, cycle, config.warmup)
            loss = self.learner.step(batch, rate)
            self._count(batch, loss)
            journal.step(self.position, self.feed.steps, loss, len(batch.inputs), rate)
            self._heed(Signal(self.ranks.highest(self._asked())))
        self._end_epoch(size)

    def _heed(self, signal: Signal) -> None:
        if signal is Signal.KEEP and self.position.best is None:
            # What is to be kept is then that of no whole epoch.
            self._note_best(self._check())
        if signal in (Signal.SAVE, Signal.KEEP):
            self.save()
        if signal >= Signal.KEEP:
            raise StopAskedError

    def _count(self, batch: Batch, loss: Tensor) -> None:
        self.losses += loss
        self.position = replace(self.position, step=self.position.step + 1, photos=self.position.photos + batch.photos)

    def _asked(self) -> Signal:
        """What the first process has seen: the others follow it."""
        if not self.ranks.leads:
            return Signal.GO_ON
        asked = self.lesson.run.stop_asked()
        if asked:
            return Signal.KEEP if asked == "keep" else Signal.END_NOW
        return Signal.SAVE if self.pace.due() else Signal.GO_ON

    def _losses(self) -> Tensor:
        """The sum of this process's losses in this epoch, on the device; the first has what was before."""
        wide = torch.float32 if self.ranks.device.type == "mps" else torch.float64
        before = self.position.loss_sum if self.ranks.leads else 0.0
        return torch.tensor(before, dtype=wide, device=self.ranks.device)

    def _add_up_losses(self) -> None:
        total = float(self.ranks.added(self.losses))
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
        if self.ranks.leads:
            with self.lesson.run.checkpoint_folder(self.step) as folder:
                checkpoint.save(folder, self.lesson.plan, self.position, self.learner)
        self.pace.wrote(time.monotonic() - started)

    def keep_best(self) -> None:
        """Write the best model, if it is not on the disk yet.

        Raises:
            AppError: the disk has no room for it; the one before stands.
        """
        if self.unwritten is not None:
            network, scores = self.unwritten
            best.keep(self.lesson.run, network, self.lesson.plan, self.lesson.material, metrics(val=scores))
            self.unwritten = None

    def _end_epoch(self, size: int) -> None:
        self._add_up_losses()
        before, scores = self.position, self._check()
        better = scores.better_than(before.best)
        if better:
            self._note_best(scores)
        self.lesson.journal.epoch(before, before.loss_sum / before.photos, scores, better, size)
        self.position = replace(
            before,
            epoch=before.epoch + 1,
            step=0,
            loss_sum=0.0,
            photos=0,
            best=scores if better else before.best,
            waited=0 if better else before.waited + 1,
        )
        patience = self.lesson.plan.config.early_stop
        if patience and self.position.waited >= patience and self.position.epoch < self.position.epochs:
            self.position = self.position.ended()
            self.lesson.journal.say("train.said.early_stop", epochs=patience)
        self.losses = self._losses()
        over = self.position.epoch == self.position.epochs
        if self.ranks.highest(int(over or (self.ranks.leads and self.pace.affordable()))):
            self.save()

    def _check(self) -> Scores:
        self.learner.agree()
        scores = score(self.learner.answer, self.feed.check(), self.ranks)
        require_finite(scores.loss_sum, self.step)
        return scores

    def _note_best(self, scores: Scores) -> None:
        """The network as it is now is the best so far; it is written when the next checkpoint is."""
        if self.ranks.leads:
            self.unwritten = copy.deepcopy(self.learner.taught.network), scores

    def finish(self) -> None:
        """Look at the test photos, once, with the best model in float32; what comes out is noted in it, kept and told.

        Raises:
            StopAskedError, AppError: as for `go_on`.
        """
        lesson, run = self.lesson, self.lesson.run
        self.ranks.highest(0)  # nobody reads before the first process has written
        network = on_device(best.open_kept(run).network, self.ranks.device)
        photos = final_photos(lesson)
        said = probabilities(partial(self.learner.looks.through, network), photos, self.feed)
        scores = Scores.of(said, photos.labels[photos.readable])
        found = metrics(val=self.position.best or Scores(), test=scores)
        if self.ranks.leads:
            best.keep(run, network, lesson.plan, lesson.material, found)
            run.write_answers(answers_of(lesson.material, photos, said))
            run.append("finished", **found, test_looks=run.test_looks + 1)


def metrics(**scores: Scores) -> dict[str, float]:
    """Scores by the name of the part of the photos, as a saved model has them; parts without photos are left out."""
    found: dict[str, float] = {}
    for part, of_part in scores.items():
        if of_part.photos:
            found |= {f"{part}_accuracy": of_part.accuracy, f"{part}_photos": float(of_part.photos)}
    return found
