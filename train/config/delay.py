"""The section ``delay`` of a configuration: how axonal delays are learnt and rounded to the chip's grid."""

from __future__ import annotations

from dataclasses import dataclass

from myelin.hw_configs.fixed_point import NETX_MAX_DELAY_STEPS
from myelin.train.config.checks import require

#: When learnt delays are rounded, see ``DelayConfig.rounding``.
ROUNDINGS = ("hardening", "straight-through", "epoch", "end")
#: Kinds of delays of a layer: learnt, or a control.
DELAY_KINDS = ("learned", "fixed", "zero")
#: Ratio of the spread at the end of its fade to that at the start.
_FADE = 0.95**100


@dataclass(frozen=True)
class DelayConfig:
    """Learning of axonal delays.

    With every ``rounding``, delays are learnt until ``freeze_at``, and the weights adapt to them until the end.  Epochs after
    ``freeze_at`` can be exported; they are evaluated with rounded delays.

    Attributes:
        max_delay_steps: longest delay in steps; None: the target's limit, but at most the limit of a netx file.
        grid_steps: exported delays are multiples of this many steps.
        bits: 1..6: exported delays have ``2 ** bits`` levels, 0 to ``(2 ** bits - 1) * grid_steps`` steps, up to
            ``max_delay_steps``; None: all levels up to ``max_delay_steps``.
        low, high: range of the uniform initial delays, in steps.
        sigma: initial spread of the triangle in steps, see ``myelin.train.delay``.
        learn: False: all delays keep their initial values (a control; ``LayerConfig`` has the same for one layer).
        rounding: how learnt delays are brought to the grid.
            ``hardening``: the spread fades to 0 at ``harden_at``; then delays are rounded in the forward pass,
            straight-through;
            ``straight-through``: delays are rounded in the forward pass from the start, never spread;
            ``epoch``: the spread fades to 0, then spikes are interpolated; after every epoch each delay is set to its nearest
            grid point;
            ``end``: the spread fades to 0, then spikes are interpolated; delays are rounded only for evaluation and export (a
            control).
        harden_at: fraction of the epochs after which the spread is 0.
        freeze_at: fraction of the epochs after which the delays are frozen; only the other parameters still change.
        penalty: weight in the loss of the mean square of all learnt delays, in 1/steps^2.  A chip buffers spikes for as long as
            the longest delay; the square acts most on long delays.
        keep: fraction of the learnt delays of each population that stays when the delays are frozen; the shortest of them
            become 0, and the other parameters adapt to that.
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
    keep: float = 1.0

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
        require("delay.keep", self.keep, 0 <= self.keep <= 1, "a fraction from 0 to 1")

    @property
    def longest_steps(self) -> int:
        """Longest delay of the grid in steps; if ``max_delay_steps`` is None, up to the limit of a netx file."""
        return self.longest_within(NETX_MAX_DELAY_STEPS if self.max_delay_steps is None else self.max_delay_steps)

    def longest_within(self, limit: int) -> int:
        """Longest delay of the grid, in steps, that is at most ``limit``."""
        most = limit if self.bits is None else min(limit, (2**self.bits - 1) * self.grid_steps)
        return most - most % self.grid_steps

    def sigma_at(self, progress: float) -> float:
        """Spread in steps at ``progress`` (0..1) of training: ``sigma * fade ** (progress / harden_at)``, then 0."""
        if self.rounding == "straight-through" or progress >= self.harden_at:
            return 0.0
        return float(self.sigma * _FADE ** (progress / self.harden_at))

    def rounded_at(self, progress: float) -> bool:
        """Whether learnt delays are rounded in the forward pass at ``progress`` (0..1) of training."""
        return self.rounding == "straight-through" or (self.rounding == "hardening" and progress >= self.harden_at)
