"""PyTorch blocks for training networks with learnable delays; they stand in one ``torch.nn.Sequential`` with lava-dl's own.

``Dense``, ``Conv``, ``DelayedRecurrent``, ``Pool`` and ``Readout`` take sizes first, then their neurons' constants as keywords
(``threshold=1.25``, ``bias=True``, ``learn_threshold=True``), ``delay=True`` for learnable delays and ``norm="batch"`` for a
``BatchNorm``.  Other neurons come as ``neuron=``: ``Alif``; or ``SigmaDelta`` behind ``Delta`` encoders at the input, with
``Sigma`` in their readout.  ``Flatten`` and ``StepDelay`` have no neurons.  ``DelaySchedule`` leads all delays of a network
from a spread to whole steps.  ``Block`` is put together from parts: a synapse, neurons, a ``Recurrence`` and an
``AxonalDelay``.  ``myelin.convert`` has their integer counterparts under the same names.
"""

from myelin.train.delay import AxonalDelay
from myelin.train.delay_schedule import DelaySchedule
from myelin.train.layers import (
    BatchNorm,
    Block,
    Conv,
    ConvSynapse,
    DelayedRecurrent,
    Delta,
    Dense,
    DenseSynapse,
    Flatten,
    Pool,
    Readout,
    Recurrence,
)
from myelin.train.neurons import Alif, Cuba, Sigma, SigmaDelta
from myelin.train.step_delay import StepDelay

__all__ = [
    "Alif",
    "AxonalDelay",
    "BatchNorm",
    "Block",
    "Conv",
    "ConvSynapse",
    "Cuba",
    "DelaySchedule",
    "DelayedRecurrent",
    "Delta",
    "Dense",
    "DenseSynapse",
    "Flatten",
    "Pool",
    "Readout",
    "Recurrence",
    "Sigma",
    "SigmaDelta",
    "StepDelay",
]
