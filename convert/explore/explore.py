"""Measures the effect of each step of quantisation on a network: one knob at a time, without training.

Every setting runs on the same samples as the exported network, so differences are paired.  Core memory is computed by
``myelin.convert.mapping.mapping`` with the setting's bits for a weight.  The delay field of a connection counts single steps,
so its width follows from the longest delay; a coarser grid alone saves no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from myelin.convert.explore.settings import Knob, KnobSetting, combinations, content, knobs
from myelin.convert.mapping.loops import SYNAPSE_BITS
from myelin.convert.mapping.mapping import map_network
from myelin.convert.network import Network
from myelin.convert.rules import check
from myelin.convert.samples import Samples
from myelin.convert.simulator.simulator import simulate
from myelin.convert.statistics import Paired, compare
from myelin.hw_configs.target import Target

#: Samples in a batch, which all networks run; limits memory.
_CHUNK = 256


@dataclass(frozen=True)
class ExploredPoint:
    """A setting compared with the exported network on the same samples.

    Attributes:
        value: value of the knob.
        unchanged: whether the network equals the exported one in every number.
        paired: accuracy, and its difference to the exported network.
        mismatch: among all (sample, step, neuron of a spiking layer) where either network spikes, the share where only one
            spikes; 0 without spikes.
        memory_bytes: synapse memory on the target's cores; None if the target has no cores, or a neuron fits no core.
        parameters: number of nonzero weights and axonal delays, as stored in the network's file.
        broken_rules: messages of the target's rules that the network breaks; empty if the target supports it.
    """

    value: int | float | str
    unchanged: bool
    paired: Paired
    mismatch: float
    memory_bytes: int | None
    parameters: int
    broken_rules: tuple[str, ...]


@dataclass(frozen=True)
class Combination:
    """A pair of weight bits and delay bits; ``best``: the target supports it, and no other supported pair beats it."""

    weight_bits: int
    delay_bits: int
    point: ExploredPoint
    best: bool


@dataclass(frozen=True)
class Exploration:
    """All knobs, each with a point for every setting; ``exported`` is the unchanged network."""

    exported: ExploredPoint
    knobs: tuple[tuple[Knob, tuple[ExploredPoint, ...]], ...]
    combinations: tuple[Combination, ...]


def explore(
    network: Network,
    target: Target,
    samples: Samples,
    numbers: npt.NDArray[np.int64],
    *,
    roundings: Mapping[str, Network] | str,
    progress: bool = False,
) -> Exploration:
    """Measure every knob alone, and weight bits and delay bits together.

    Args:
        network, target, roundings: see ``knobs``.
        samples, numbers: the data, and the numbers of the samples to run.
        progress: whether to show a progress bar.

    Raises:
        NetworkError, DataError: the samples do not fit the network.
    """
    turned = knobs(network, target, roundings)
    pairs, combined = combinations(network, target)
    settings = [KnobSetting("exported", network), *(one for knob in turned for one in knob.settings), *combined]
    points = iter(_points(settings, target, samples, numbers, progress))
    exported = next(points)
    shown = tuple((knob, tuple(next(points) for _ in knob.settings)) for knob in turned)
    rest = list(points)
    best = _front(rest)
    return Exploration(
        exported, shown, tuple(Combination(*pair, point, place in best) for place, (pair, point) in enumerate(zip(pairs, rest)))
    )


def _points(
    settings: Sequence[KnobSetting], target: Target, samples: Samples, numbers: npt.NDArray[np.int64], progress: bool
) -> Iterator[ExploredPoint]:
    """A point for each setting; the first is the exported network.  Settings with the same network run once."""
    keys = [content(setting.network) for setting in settings]
    distinct = dict(zip(reversed(keys), reversed([setting.network for setting in settings])))
    order = list(dict.fromkeys(keys))
    runs = dict(zip(order, _run([distinct[key] for key in order], samples, numbers, progress)))
    rules = {key: tuple(violation.message for violation in check(distinct[key], target)) for key in order}
    memory: dict[tuple[bytes, int | None], int | None] = {}
    labels = samples.labels[numbers]
    for key, setting in zip(keys, settings):
        place = (key, setting.weight_bits)
        if place not in memory:
            memory[place] = memory_bytes(setting.network, target, setting.weight_bits)
        prediction, mismatch = runs[key]
        yield ExploredPoint(
            setting.value,
            key == keys[0],
            compare(runs[keys[0]][0], prediction, labels),
            mismatch,
            memory[place],
            _parameters(setting.network),
            rules[key],
        )


def _run(
    networks: Sequence[Network], samples: Samples, numbers: npt.NDArray[np.int64], progress: bool
) -> list[tuple[npt.NDArray[np.int64], float]]:
    """For each network its predictions (samples,), and the mismatch of its spikes with those of the first network."""
    from tqdm import tqdm

    first = networks[0]
    record = {index: ("spikes",) for index, layer in enumerate(first.layers) if layer.output == "spikes"}
    predictions: list[list[npt.NDArray[np.int64]]] = [[] for _ in networks]
    unequal, either = np.zeros(len(networks), np.int64), np.zeros(len(networks), np.int64)
    with tqdm(total=len(networks) * len(numbers), unit="sample", desc="explore", disable=None if progress else True) as bar:
        for start in range(0, len(numbers), _CHUNK):
            frames = samples.frames(numbers[start : start + _CHUNK])
            wanted: dict[int, npt.NDArray[np.bool_]] = {}
            for place, network in enumerate(networks):
                recording = simulate(network, frames, record=record)
                spikes = {index: names["spikes"] != 0 for index, names in recording.layers.items()}
                wanted = wanted or spikes
                unequal[place] += sum(int((spikes[index] ^ wanted[index]).sum()) for index in record)
                either[place] += sum(int((spikes[index] | wanted[index]).sum()) for index in record)
                predictions[place].append(recording.prediction)
                bar.update(len(frames))
    mismatches = (unequal / np.maximum(1, either)).tolist()
    return [(np.concatenate(parts), mismatch) for parts, mismatch in zip(predictions, mismatches)]


def memory_bytes(network: Network, target: Target, weight_bits: int | None = None) -> int | None:
    """Synapse memory in bytes on the cores of ``target``, counted as by ``myelin map``, with ``weight_bits`` for a weight.

    None if the target does not state cores, their memory or a packing of synapses, or if a neuron fits no core.
    """
    if None in (target.packing, target.cores_to_plan_with, target.core_memory_bytes):
        return None
    narrow = target if weight_bits is None else replace(target, weight_bits=min(weight_bits, target.weight_bits or weight_bits))
    mapping = map_network(network, narrow)
    return int(mapping.loads[:, SYNAPSE_BITS].sum()) // 8 if mapping.cores else None


def _front(points: Sequence[ExploredPoint]) -> set[int]:
    """Indices of the Pareto front in accuracy and memory, among the points that the target supports."""
    held = [place for place, point in enumerate(points) if point.memory_bytes is not None and not point.broken_rules]
    memory = np.array([points[place].memory_bytes for place in held], np.int64)
    accuracy = np.array([points[place].paired.accuracy for place in held])
    # beaten[i, j]: j beats i; it is no worse in either and better in one
    no_worse = (memory <= memory[:, None]) & (accuracy >= accuracy[:, None])
    beaten = no_worse & ((memory < memory[:, None]) | (accuracy > accuracy[:, None]))
    return {held[number] for number in np.flatnonzero(~beaten.any(axis=1)).tolist()}


def _parameters(network: Network) -> int:
    arrays = []
    for layer in network.layers:
        arrays += [layer.synapse.weight, layer.delay_steps]
        if layer.recurrent is not None:
            arrays += [layer.recurrent.synapse.weight, layer.recurrent.delay_steps]
    return sum(int(np.count_nonzero(array)) for array in arrays)
