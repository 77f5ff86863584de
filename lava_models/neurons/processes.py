"""The Lava process for each neuron class: ``PROCESSES`` has one line for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from myelin.convert.neurons import Alif, Cuba, Delta, Rf, RfIz, Sigma, SigmaDelta
from myelin.convert.registry import Handlers
from myelin.lava_models.neurons.alif import atrlif_arguments, create_atrlif
from myelin.lava_models.neurons.cuba import check_lif_on_chip, create_lif, drive_lif, lif_arguments
from myelin.lava_models.neurons.rf import PORTS, create_rf, rf_arguments
from myelin.lava_models.neurons.sigma_delta import create_sigma_delta, drive_delta, sigma_delta_arguments


class NeuronProcess(NamedTuple):
    """A Lava process for a population of neurons.

    Attributes:
        arguments: (neuron, shape, image=) -> arguments of the process; works without Lava.
        create: (neuron, arguments) -> a new process; call ``compat.prepare()`` first.
        drive: (neuron, arguments, values (steps, *shape), image) -> the process as the neurons of an input, driven by
            ``weight * x + bias``; None if an input cannot have these neurons.
        check_chip: (neuron) -> None; raises NetworkError if the chip's process cannot hold the constants.  None if no
            neurocore model of the process is known.
        ports: names of the process's input ports, one for each of the neuron's ``INPUTS``.
    """

    arguments: Callable[..., dict[str, Any]]
    create: Callable[[Any, dict[str, Any]], Any]
    drive: Callable[..., Any] | None = None
    check_chip: Callable[[Any], None] | None = None
    ports: tuple[str, ...] = ("a_in",)


PROCESSES: Handlers[NeuronProcess] = Handlers("has {name} neurons; Lava has no process for them")
PROCESSES.register(Cuba)(NeuronProcess(lif_arguments, create_lif, drive_lif, check_lif_on_chip))
PROCESSES.register(Alif)(NeuronProcess(atrlif_arguments, create_atrlif))
PROCESSES.register(SigmaDelta)(NeuronProcess(sigma_delta_arguments, create_sigma_delta))
PROCESSES.register(Sigma)(NeuronProcess(sigma_delta_arguments, create_sigma_delta))
PROCESSES.register(Delta)(NeuronProcess(sigma_delta_arguments, create_sigma_delta, drive_delta))
PROCESSES.register(Rf)(NeuronProcess(rf_arguments, create_rf, ports=PORTS))
PROCESSES.register(RfIz)(NeuronProcess(rf_arguments, create_rf, ports=PORTS))
