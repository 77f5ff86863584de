"""Delta encoders and sigma-delta neurons over time, forward and backward, and the sums that float32 holds exactly.

Arrays are (T, B, N); for the equations see ``myelin.train.neurons.sigma_delta``.  Torch operations serve every device: a step
costs a tenth of the product of its weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.fixed_point import SDNN_SPIKE_EXP, SDNN_STATE_EXP, WEIGHT_SCALE

#: The integer message that equals 1, and the integer state.
MESSAGE_SCALE = WEIGHT_SCALE << SDNN_SPIKE_EXP
SIGMA_SCALE = MESSAGE_SCALE << SDNN_STATE_EXP
#: Below these magnitudes integers of 1/262144 are exact in float32, a convolution of Lava does not wrap, and no state can.
EXACT_SUM, CONV_SUM, STATE_LIMIT = ((1 << bits) / SIGMA_SCALE for bits in (24, 23, 30))


def checked_sums(synapse: Any, x: Tensor) -> Tensor:
    """``synapse.steps(x)``, every value of which is exact in float32, and as on the chip; floats as weights are not checked.

    Raises:
        MyelinError: float32 may round a sum of products in any order of summation, or Lava's convolution wraps.
    """
    own = synapse.pre_hook_fx
    if own is None:
        z: Tensor = synapse.steps(x)
        return z
    with torch.no_grad():
        synapse.pre_hook_fx = lambda weight: own(weight).abs()
        try:
            size = x.abs()
            bound = synapse.steps(size.amax(dim=(0, 1), keepdim=True))  # with each source at its largest
            if float(bound.max()) >= EXACT_SUM:
                require_below(synapse.steps(size), EXACT_SUM, "magnitudes of products", "float32 adds them exactly below")
        finally:
            synapse.pre_hook_fx = own
    z = synapse.steps(x)
    if hasattr(synapse, "stride"):
        require_below(z, CONV_SUM, "sums of its convolution", "Lava wraps them at")
    return z


def require_below(values: Tensor, limit: float, what: str, why: str) -> None:
    """Raise MyelinError unless all magnitudes of ``values`` are below ``limit``."""
    largest = float(values.detach().abs().max()) if values.numel() else 0.0
    if not largest < limit:
        raise MyelinError(
            f"{what} reach {largest:.6g}, {why} {limit:g}, so an evaluation is not that of the chip: scale the input or the "
            "weights before it down"
        )


def encoded(new: Tensor, threshold: float, cumulative_error: bool) -> Tensor:
    """Messages (T, B, N) float32 of delta encoders with the values ``new`` (T, B, N) float64; straight-through gradient."""
    return _DeltaFunction.apply(new, threshold, cumulative_error)


def sigma_delta_messages(
    x: Tensor, bias: Tensor | None, *, threshold: float, relu: bool, cumulative_error: bool, check: bool
) -> Tensor:
    """Messages of sigma-delta neurons from rest with the summed input ``x``, both (T, B, N); straight-through gradient.

    Args:
        x: summed input of every step.
        bias: (N,), or None.
        threshold: changes below it are held back.
        relu: whether the activation is max(y, 0).
        cumulative_error: whether the accumulated error is compared with the threshold.
        check: whether to refuse states that Lava's 32 bit may not hold.

    Raises:
        MyelinError: with ``check``, a state may leave 32 bit.
    """
    return _SigmaDeltaFunction.apply(x, bias, threshold, relu, cumulative_error, check)


class _Encoder:
    """The states of delta encoders; ``step`` returns their messages."""

    def __init__(self, like: Tensor, threshold: float, cumulative_error: bool) -> None:
        self.threshold, self.cumulative_error = threshold, cumulative_error
        self.sent = torch.zeros_like(like, dtype=torch.float64)  # act - residue, which is what the receivers know
        self.error = torch.zeros_like(self.sent)

    def step(self, new: Tensor) -> Tensor:
        """Messages of one step with the values ``new`` (B, N) float64."""
        delta = new - self.sent
        if self.cumulative_error:
            self.error += delta
        due = (self.error if self.cumulative_error else delta).abs() >= self.threshold
        message = torch.where(due, delta, 0.0)
        if self.cumulative_error:
            self.error = torch.where(message != 0, 0.0, self.error)
        self.sent += message
        return (message * MESSAGE_SCALE).floor_().div_(MESSAGE_SCALE)


class _DeltaFunction(torch.autograd.Function):
    """Autograd function of delta encoders on (T, B, N)."""

    @staticmethod
    def forward(ctx: Any, new: Tensor, threshold: float, cumulative_error: bool) -> Tensor:
        encoder = _Encoder(new[0], threshold, cumulative_error)
        return torch.stack([encoder.step(value).float() for value in new])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        change = grad.clone()
        change[:-1] -= grad[1:]
        return change.double(), None, None


class _SigmaDeltaFunction(torch.autograd.Function):
    """Autograd function of sigma-delta neurons on (T, B, N); ``bias`` is (N,) or None."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Tensor | None, threshold: float, relu: bool, cumulative_error: bool, check: bool
    ) -> Tensor:
        encoder = _Encoder(x[0], threshold, cumulative_error)
        sigma, shift = torch.zeros_like(encoder.sent), 0.0 if bias is None else bias.double()
        messages, largest = torch.empty_like(x), 0.0
        positive = torch.empty_like(x, dtype=torch.bool) if relu else None
        for t in range(x.shape[0]):
            sigma += x[t]
            new = sigma + shift
            if positive is not None:
                torch.gt(new, 0.0, out=positive[t])
                new = new.clamp_(min=0.0)
            messages[t] = encoder.step(new)
            if check:
                largest = max(largest, float(sigma.abs().max()), float(new.abs().max()))
        require_below(torch.tensor(largest), STATE_LIMIT, "its sums", "Lava's 32 bit hold changes of them below")
        ctx.save_for_backward(positive)
        ctx.has_bias = bias is not None
        return messages

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (positive,) = ctx.saved_tensors
        found, total = torch.empty_like(grad), torch.zeros_like(grad[0])
        for t in range(grad.shape[0] - 1, -1, -1):
            change = grad[t] if t == grad.shape[0] - 1 else grad[t] - grad[t + 1]
            total = total + (change if positive is None else change * positive[t])
            found[t] = total
        return found, total.sum(dim=0) if ctx.has_bias else None, None, None, None, None
