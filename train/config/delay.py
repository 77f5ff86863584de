"""How axonal delays are learnt and how they come to the chip's grid: the section ``delay`` of a configuration."""

from __future__ import annotations

from dataclasses import dataclass

from myelin.hw_configs.fixed_point import NETX_MAX_DELAY_STEPS
from myelin.train.config.checks import require

#: When learnt delays are rounded, see ``DelayConfig.rounding``.
ROUNDINGS = ("hardening", "straight-through", "epoch", "end")
#: What the delays of a layer are: learnt, or a control.
DELAY_KINDS = ("learned", "fixed", "zero")
#: Fade of the spread over the phase in which it fades.
_FADE = 0.95**100


@dataclass(frozen=True)
class DelayConfig:
    """Learning of axonal delays.

    Whatever ``rounding``, delays are learnt until ``freeze_at`` and the weights adapt to them until the end; epochs after
    ``freeze_at`` can be exported, and are judged with rounded delays.

    Attributes:
        max_delay_steps: longest delay; None: the target's limit, as far as a netx file holds it.
        grid_steps: exported delays are multiples of this many steps.
        bits: 1..6: exported delays have ``2 ** bits`` levels, 0 to ``(2 ** bits - 1) * grid_steps`` steps, as far as
            ``max_delay_steps`` goes; None: as many as it holds.
        low, high: delays start uniformly within.
        sigma: initial spread of the triangle in steps, see ``myelin.train.delay``.
        learn: False keeps all delays as drawn (a control; see ``LayerConfig`` for that of one layer).
        rounding: how delays that are learnt come to the grid:
            ``hardening``: spread fading to 0 at ``harden_at``, from then on rounded in the forward pass, straight-through;
            ``straight-through``: rounded in the forward pass from the start, never spread;
            ``epoch``: spread fading to 0, then interpolated; after every epoch each delay is set to the nearest of the grid;
            ``end``: spread fading to 0, then interpolated; rounded only to be judged and exported (a control).
        harden_at: fraction of the epochs after which the spread is 0.
        freeze_at: fraction of the epochs after which delays no longer change and the weights adapt.
        penalty: weight in the loss of the mean square of all delays that are learnt, 1/steps^2: a chip buffers spikes for as
            long as the longest delay, and the square pushes on the long ones.
    """

    max_delay_steps: int | None = None
    grid_steps: int = 1
    bits: int | None = None
    low: float = 0.0
    high: float = 30.0
    sigma: float = 10.0
    learn: bool = True
    rounding: str = "hardening"
    harden_at: float = 0.6
    freeze_at: float = 0.8
    penalty: float = 0.0

    def __post_init__(self) -> None:
        limit = NETX_MAX_DELAY_STEPS
        most = limit if self.max_delay_steps is None else self.max_delay_steps
        require("delay.max_delay_steps", most, 0 <= most <= limit, f"0..{limit}")
        require("delay.grid_steps", self.grid_steps, 1 <= self.grid_steps <= max(1, most), f"1..{max(1, most)}")
        require("delay.bits", self.bits, self.bits is None or 1 <= self.bits <= 6, "1..6")
        inside = 0 <= self.low <= self.high <= self.longest_steps
        require("delay.low and delay.high", (self.low, self.high), inside, f"a range within 0..{self.longest_steps}")
        require("delay.sigma", self.sigma, self.sigma >= 0, "0 or more")
        require("delay.rounding", self.rounding, self.rounding in ROUNDINGS, ", ".join(ROUNDINGS))
        ordered = 0 <= self.harden_at <= self.freeze_at <= 1
        phases = (self.harden_at, self.freeze_at)
        require("delay.harden_at and delay.freeze_at", phases, ordered, "0 <= harden_at <= freeze_at <= 1")
        require("delay.penalty", self.penalty, self.penalty >= 0, "0 or more")

    @property
    def longest_steps(self) -> int:
        """Longest delay of the grid; within what a netx file holds where no target has been asked."""
        return self.longest_within(NETX_MAX_DELAY_STEPS if self.max_delay_steps is None else self.max_delay_steps)

    def longest_within(self, limit: int) -> int:
        """Longest delay of the grid that is no longer than ``limit`` steps."""
        most = limit if self.bits is None else min(limit, (2**self.bits - 1) * self.grid_steps)
        return most - most % self.grid_steps

    def sigma_at(self, progress: float) -> float:
        """Spread in steps after ``progress`` (0..1) of training: ``sigma * fade ** (progress / harden_at)``, then 0."""
        if self.rounding == "straight-through" or progress >= self.harden_at:
            return 0.0
        return float(self.sigma * _FADE ** (progress / self.harden_at))

    def rounded_at(self, progress: float) -> bool:
        """Whether learnt delays are rounded in the forward pass after ``progress`` (0..1) of training."""
        return self.rounding == "straight-through" or (self.rounding == "hardening" and progress >= self.harden_at)
