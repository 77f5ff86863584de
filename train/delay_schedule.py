"""Leads the delays of a network through training: spread, then rounded, then frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import myelin.train.needs_torch  # noqa: F401

from torch import nn

from myelin.hw_configs.argument_checks import is_integer, is_number
from myelin.hw_configs.errors import ConfigError
from myelin.train.config.delay import DelayConfig
from myelin.train.delay import AxonalDelay

#: Widest spread in steps where none is given, as in ``DelayConfig``.
_WIDEST = 10.0


def set_delays_at(delays: Iterable[AxonalDelay], plan: DelayConfig, progress: float) -> None:
    """Set ``delays`` for ``progress`` (0..1) of training, see ``DelayConfig``; those that are not learnt are always rounded.

    Frozen delays are pruned as soon as they are frozen.  To prune them again, after a resume, changes nothing.
    """
    for delay in delays:
        delay.set(hard=plan.rounded_at(progress) or not delay.learns, sigma=plan.sigma_at(progress))
        delay.freeze(progress >= plan.freeze_at)
        if plan.keep < 1 and delay.frozen:
            delay.prune(plan.keep)


class DelaySchedule:
    """The phases of all learnable delays in a module, whatever it is made of, set by ``step`` at the start of an epoch.

    ``spread``: every spike is spread over a triangle around its arrival, so that a delay feels what earlier and later arrival
    would change.  The spread shrinks until ``harden_at``.  ``rounded``: whole steps in the forward pass, as on the chip, and
    straight-through gradients.  ``frozen`` from ``freeze_at`` on: only the other parameters still learn, and the network can be
    exported with the very delays it was trained with.

    lava-dl's delays (``slayer.axon.Delay``) are whole steps in every forward pass by themselves; the schedule freezes them.

    Args:
        module: the network.
        epochs: number of epochs.
        spread: half-width of the triangle at the start, in steps beyond one; None: half of ``max_delay``, at most 10.
        rounding: when delays are rounded, ``hardening`` or ``straight-through``, see ``DelayConfig``.
        harden_at, freeze_at: fractions of the epochs at which the phases ``rounded`` and ``frozen`` begin.

    Attributes:
        epoch: the current epoch.
        phase: ``spread``, ``rounded`` or ``frozen``.

    Raises:
        ConfigError: the module has no delays, a value is wrong, or no epoch would have rounded delays.
    """

    def __init__(
        self,
        module: nn.Module,
        epochs: int,
        *,
        spread: float | None = None,
        rounding: str = "hardening",
        harden_at: float = 0.6,
        freeze_at: float = 0.8,
    ) -> None:
        if not isinstance(module, nn.Module):
            raise ConfigError(f"DelaySchedule: module is a {type(module).__name__}; a torch.nn.Module is allowed")
        self.module, self.epochs, self.epoch = module, epochs, 0.0
        if not is_integer(epochs) or epochs < 1:
            raise ConfigError(f"DelaySchedule: epochs is {epochs!r}; an integer of at least 1 is allowed")
        if rounding not in ("hardening", "straight-through"):
            raise ConfigError(f"DelaySchedule: rounding is {rounding!r}; hardening or straight-through is allowed")
        own, others = list(self.delays()), list(self.slayer_delays())
        if not own and not others:
            raise ConfigError(
                f"DelaySchedule: {type(module).__name__} has no delays; give a block delay=True, or leave the schedule out"
            )
        longest = max((delay.max_delay for delay in own), default=0)
        if spread is None:
            spread = min(_WIDEST, longest / 2)
        try:
            self.plan = DelayConfig(sigma=spread, rounding=rounding, harden_at=harden_at, freeze_at=freeze_at)
        except ConfigError as error:
            raise ConfigError(f"DelaySchedule: {str(error).replace('delay.sigma', 'spread').replace('delay.', '')}") from None
        last = (epochs - 1) / epochs
        if own and rounding == "hardening" and last < harden_at:
            raise ConfigError(
                f"DelaySchedule: epochs is {epochs} and harden_at {harden_at:g}: delays would be spread in every epoch; take "
                f"more epochs, or harden_at={last:g} or less"
            )
        self._stopped: list[Any] = []
        self.step(0)

    def delays(self) -> Iterator[AxonalDelay]:
        """Myelin's delays in the module, learnt or not."""
        return (part for part in self.module.modules() if isinstance(part, AxonalDelay))

    def slayer_delays(self) -> Iterator[Any]:
        """lava-dl's delays in the module, known by the name of their class: lava-dl is not imported for this."""
        for part in self.module.modules():
            names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(part).__mro__}
            if "lava.lib.dl.slayer.axon.delay.Delay" in names:
                yield part

    @property
    def phase(self) -> str:
        """The current phase."""
        progress = self._progress
        if progress >= self.plan.freeze_at:
            return "frozen"
        return "rounded" if self.plan.rounded_at(progress) else "spread"

    def step(self, epoch: float | None = None) -> None:
        """Set all delays for ``epoch``, counted from 0 (fractions are allowed); None: the one after the current.

        After the last epoch, delays stay rounded and frozen.
        """
        found = self.epoch + 1 if epoch is None else epoch
        if not is_number(found) or not 0 <= found < float("inf"):
            raise ConfigError(f"DelaySchedule: epoch is {epoch!r}; 0 or more is allowed")
        self.epoch = found
        set_delays_at(self.delays(), self.plan, self._progress)
        if self.phase == "frozen":
            for part in self.slayer_delays():
                if part.delay.requires_grad:
                    part.delay.requires_grad_(False)
                    part.delay.grad = None
                    self._stopped.append(part)
        else:
            while self._stopped:
                self._stopped.pop().delay.requires_grad_(True)

    @property
    def _progress(self) -> float:
        return min(self.epoch / self.epochs, 1.0)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs beside the module's own state: the epoch."""
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to the epoch of ``state`` and set all delays for it."""
        if "epoch" not in state:
            raise ConfigError(
                f"DelaySchedule: the state holds {', '.join(state) or 'nothing'}; what state_dict returned is allowed"
            )
        self.step(state["epoch"])

    def __repr__(self) -> str:
        own, others = sum(1 for _ in self.delays()), sum(1 for _ in self.slayer_delays())
        slayer = f" and {others} of lava-dl" if others else ""
        return f"DelaySchedule({own} sets of delays{slayer}, epoch {self.epoch:g} of {self.epochs}, {self.phase})"
