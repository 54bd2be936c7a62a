"""Train the nano DDColor checkpoint that the reference service uses offline.

It learns six freely licensed photos by heart, the canary photos among them, on purpose: the suite
needs colours that a person finds believable and that come out the same each time, not a colourizer
for the world. The pictures are shown at the sides that the workflows use, because a network this
small ties its colours to a scale.

Run from the repository's root (about half an hour on two idle cores, at most ``--minutes`` on busy
ones)::

    PYTHONPATH=service python -m training.train_nano --out fixtures/models/ddcolor_nano.safetensors
"""

import argparse
import copy
import logging
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from colorservice.model import NANO, DDColorNet, build_model, load_weights, read_checkpoint
from training.checkpoints import record, write_checkpoint
from training.pairs import Pair, View, draw, load_pairs

_LOG = logging.getLogger("train_nano")
_AVERAGING = 0.995


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training.

    Attributes:
        steps: optimiser steps.
        batch: pictures in each step.
        views: how photos are shown.
        mirror: share of steps that show mirror images.
        freeze_statistics: use the batch normalisation's running statistics, as inference does.
        rate: the learning rate at its beginning.
    """

    steps: int
    batch: int
    views: tuple[View, ...]
    mirror: float
    freeze_statistics: bool
    rate: float


# Small pictures first, because steps are cheap there; then the sides that the workflows use.
PHASES = (
    Phase(
        steps=600,
        batch=2,
        views=(View(256, 1, 0.6), View(320, 1, 0.6), View(384, 1, 0.6)),
        mirror=0.3,
        freeze_statistics=False,
        rate=2e-3,
    ),
    Phase(
        steps=1000,
        batch=1,
        views=(View(512, 0.45), View(704, 0.55)),
        mirror=0.0,
        freeze_statistics=True,
        rate=1.2e-3,
    ),
    Phase(
        steps=500,
        batch=1,
        views=(View(704, 0.3), View(640, 0.5, 0.5, 0.5), View(1280, 0.2)),
        mirror=0.0,
        freeze_statistics=True,
        rate=7e-4,
    ),
)


def color_loss(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean distance in the ab plane, saturated places counting up to three times."""
    chroma = wanted.pow(2).sum(dim=1).sqrt()
    distance = ((predicted - wanted).pow(2).sum(dim=1) + 1).sqrt()
    weight = 1 + (chroma / 25).clamp(max=2)
    return (distance * weight).mean() / weight.mean()


def new_model(seed: int) -> DDColorNet:
    """Return an untrained nano network whose encoder blocks take part from the first step."""
    model = build_model(NANO, seed=seed)
    for name, parameter in model.named_parameters():
        if name.endswith(".gamma"):  # published value 1e-6: meant for far longer training
            nn.init.constant_(parameter, 0.3)
    return model.to(memory_format=torch.channels_last)


def set_mode(model: nn.Module, phase: Phase) -> None:
    """Put the network into training mode, its batch normalisation as the phase says."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and phase.freeze_statistics:
            module.eval()


class Averaged:
    """A running average of the weights: steadier colours than those of the last step."""

    def __init__(self, model: DDColorNet) -> None:
        """Start from the network's present weights."""
        self.model = copy.deepcopy(model)
        self._updates = 0

    @torch.no_grad()
    def update(self, model: DDColorNet) -> None:
        """Move the average a little towards the present weights; take buffers over as they are."""
        # Corrected for its beginning: after the first update nothing is left of the start.
        self._updates += 1
        share = (1 - _AVERAGING) / (1 - _AVERAGING**self._updates)
        for mean, new in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.data.lerp_(new, share)
        for kept, current in zip(self.model.buffers(), model.buffers(), strict=True):
            kept.copy_(current)


@dataclass(slots=True)
class Budget:
    """Steps that are planned and seconds that may be spent; the first to run out ends it."""

    steps: int
    seconds: float
    started: float
    done: int = 0

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def progress(self) -> float:
        """Return how far the training is, 0..1."""
        return min(1.0, max(self.done / self.steps, self.elapsed() / self.seconds))


def run_phases(
    model: DDColorNet, seed: int, budget: Budget, phases: tuple[Phase, ...], target: Path
) -> Averaged:
    """Train through all phases, writing a checkpoint every 100 steps; return the average."""
    rng = random.Random(seed)
    pairs = load_pairs()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    averaged = Averaged(model)
    planned = sum(phase.steps for phase in phases)
    first = 0
    for phase in phases:
        set_mode(model, phase)
        last = first + phase.steps
        # On a busy machine the seconds run out before the steps; every phase gives up its share.
        while budget.progress() < 1 and budget.progress() * planned < last:
            loss = train_step(model, optimizer, phase, pairs, rng, budget)
            averaged.update(model)
            if budget.done % 25 == 0:
                _LOG.info(
                    "step %d/%d loss %.2f after %.0f s",
                    budget.done,
                    planned,
                    loss,
                    budget.elapsed(),
                )
            if budget.done % 100 == 0:
                write_checkpoint(averaged.model, target)
        first = last
    return averaged


def train_step(
    model: DDColorNet,
    optimizer: torch.optim.Optimizer,
    phase: Phase,
    pairs: list[Pair],
    rng: random.Random,
    budget: Budget,
) -> float:
    """Do one optimiser step and return its loss."""
    warm = min(1.0, (budget.done + 1) / 20)
    rate = phase.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * budget.progress())))
    for group in optimizer.param_groups:
        group["lr"] = rate
    view = rng.choices(phase.views, weights=[view.share for view in phase.views])[0]
    mirror = rng.random() < phase.mirror
    drawn = [draw(pairs, view, rng, mirror=mirror) for _ in range(phase.batch)]
    grey = torch.cat([item[0] for item in drawn]).contiguous(memory_format=torch.channels_last)
    loss = color_loss(model(grey), torch.cat([item[1] for item in drawn]))
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    budget.done += 1
    return loss.item()


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train the nano DDColor checkpoint.")
    parser.add_argument(
        "--out", type=Path, default=Path("fixtures/models/ddcolor_nano.safetensors")
    )
    parser.add_argument("--seed", type=int, default=20240607)
    parser.add_argument(
        "--minutes",
        type=float,
        default=40.0,
        help="wall time after which it stops, finished or not",
    )
    parser.add_argument(
        "--phases",
        type=int,
        nargs="+",
        choices=range(1, len(PHASES) + 1),
        default=list(range(1, len(PHASES) + 1)),
        help="run only these of the phases",
    )
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Train, write the checkpoint and record it in the manifest."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    phases = tuple(PHASES[number - 1] for number in arguments.phases)
    budget = Budget(sum(phase.steps for phase in phases), arguments.minutes * 60, time.monotonic())
    model = new_model(arguments.seed)
    if arguments.start:
        load_weights(model, read_checkpoint(arguments.start))
        model.to(memory_format=torch.channels_last)
    averaged = run_phases(model, arguments.seed, budget, phases, arguments.out)
    write_checkpoint(averaged.model, arguments.out)
    history = {
        "seed": arguments.seed,
        "steps": budget.done,
        "steps_planned": budget.steps,
        "wall_s": round(budget.elapsed()),
    }
    record(arguments.out, history)


if __name__ == "__main__":
    main()
