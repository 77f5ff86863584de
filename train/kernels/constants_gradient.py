"""Gradients of a population's bias and threshold, from those of its input: the loops over time need not sum them.

With G_u[t] = dL/du[t] = dL/dx[t], which the backward pass writes, the recursions of ``myelin.train.kernels.numba_loops`` read
backwards give the rest::

    G_v[t] = G_u[t] - keep_u G_u[t+1]                           the gradient at v, after it was carried back
    D[t]   = G_v[t] - keep_v (1 - s[t]) G_v[t+1]                the part of it that comes from the spike of the step

    dL/dbias      =  sum_t G_v[t] = G_u[0] + (1 - keep_u) sum_{t > 0} G_u[t]
    dL/dthreshold = -sum_t D[t]

since v[t] holds the bias once in every step, and s = H(v - threshold) has the surrogate derivative of v with the other sign.
"""

from __future__ import annotations

import torch
from torch import Tensor

from myelin.train.kernels.types import Neurons


def bias_gradient(grad_x: Tensor, neurons: Neurons) -> Tensor:
    """dL/dbias of every neuron, (N,) float64, summed over samples, from dL/dx (T, B, N)."""
    lost = 1 - torch.as_tensor(neurons.keep[0], device=grad_x.device)
    return grad_x[0].double().sum(0) + lost * grad_x[1:].sum(dim=(0, 1), dtype=torch.float64)


def threshold_gradient(grad_x: Tensor, spikes: Tensor, neurons: Neurons) -> Tensor:
    """dL/dthreshold of every neuron, (N,) float64, summed over samples, from dL/dx and spikes (T, B, N)."""
    keep_u, keep_v = (torch.as_tensor(keep, device=grad_x.device).float() for keep in neurons.keep)
    at_v = grad_x.clone()
    at_v[:-1] -= keep_u * grad_x[1:]
    carried = (keep_v * (1 - spikes[:-1]) * at_v[1:]).sum(dim=(0, 1), dtype=torch.float64)
    return carried - at_v.sum(dim=(0, 1), dtype=torch.float64)
