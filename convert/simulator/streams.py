"""A network that runs for ever: single steps, chunks that continue each other, and states to keep."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from myelin.convert.axes import TimeAxis, frames_of
from myelin.convert.inputs import checked_record, checked_spikes
from myelin.convert.network import Network
from myelin.convert.opened import Source, opened_source
from myelin.convert.recording import Record, Recording
from myelin.convert.simulator.batch import BatchRunner, is_positive
from myelin.convert.simulator.state import SimulatorState
from myelin.hw_configs.argument_checks import shown
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.simulator.stage import Engine
    from myelin.convert.simulator.step_plan import StepPlan
    from myelin.convert.simulator.stepper import Stepper


class Simulator:
    """A network prepared once, for whole runs, for chunks that continue each other, and for single steps.

    ``step`` and ``run`` with a state are equal in every integer to one run over all steps: spikes with delays are kept until
    they arrive.  There is one current state, ``state``.  ``step`` advances it; ``run`` with a state sets it to the state after
    the chunk; ``run`` without a state begins at rest and leaves it as it is::

        simulator = myelin.Simulator(network)
        out = simulator.step(frame)                            # from rest at first, then from where the last step ended
        first = simulator.run(x[:, :50], state=simulator.rest(len(x)))
        second = simulator.run(x[:, 50:], state=simulator.state)    # first and second are together simulator.run(x)

    Args:
        network: a ``Network``, the result of ``myelin.read``, or a path.
        engine: of runs from rest, see ``simulate``; chunks and steps always follow the spikes.
        streams: number of independent streams that step together; None for that of the first frame, 1 if it has no such axis.
        reset_interval: as in ``simulate``, counted from the first step of each stream; the default of ``run``.

    Raises:
        DataError: the engine is unknown, or streams or reset_interval is not an integer of 1 or more.
        NetworkError: the path cannot be read.
    """

    def __init__(
        self,
        network: Source,
        engine: Engine = "auto",
        *,
        streams: int | None = None,
        reset_interval: int | None = None,
    ) -> None:
        self.network: Network = opened_source(network).network
        self._runner = BatchRunner(self.network, engine)
        self._streams = _positive("streams", streams, "None for as many as the first frame has")
        self._interval = _positive("reset_interval", reset_interval, "None for no reset")
        self._stepper: Stepper | None = None

    @cached_property
    def _plan(self) -> StepPlan:
        from myelin.convert.simulator.step_plan import step_plan

        return step_plan(self.network, self._runner.prepared)

    def _made(self, streams: int) -> Stepper:
        """So many streams at rest."""
        from myelin.convert.simulator.stepper import Stepper

        return Stepper(self.network, self._plan, streams, self._interval or 0)

    def _current(self) -> Stepper:
        """The streams that step; at rest if there were none."""
        if self._stepper is None:
            self._stepper = self._made(self._streams or 1)
        return self._stepper

    def step(self, frame: npt.ArrayLike) -> npt.NDArray[Any]:
        """The output of the next step, a new array: what ``Recording.output[:, t]`` is in a run over all steps.

        Args:
            frame: (*input shape) for one stream, or (streams, *input shape), or either with the input shape flattened; bool or
                integers in the input's range; an array or a torch tensor.

        Returns:
            (*output shape), or (streams, *output shape) if ``frame`` has that axis.

        Raises:
            DataError: the frame has a wrong shape, type or value; or a sum of sigma-delta neurons may leave the range in which
                Lava's sums are exact, in which case steps are refused until ``reset``.
        """
        stepper = self._stepper
        if stepper is None:
            from myelin.convert.simulator.stepper import streams_of

            stepper = self._stepper = self._made(self._streams or streams_of(self.network.input.shape, frame))
        return stepper.step(frame)

    def run(
        self,
        spikes: npt.ArrayLike,
        *,
        state: SimulatorState | None = None,
        record: Record | None = None,
        reset_interval: int | None = None,
        time_axis: TimeAxis | None = None,
        chunk: int | None = None,
        progress: bool = False,
    ) -> Recording:
        """Run all steps of ``spikes``, from rest or from a state.

        A run from rest uses all cores; one from a state follows the spikes of one stream after the other on one core.

        Args:
            spikes: (batch, steps, *input shape) or (batch, *input shape, steps), or either with the input shape flattened;
                bool or integers in the input's range.
            state: None to begin at rest and leave ``self.state`` unchanged.  Otherwise the state of ``batch`` streams from
                which to continue; ``self.state`` is then the state after the last step.
            record: see ``simulate``.
            reset_interval: see ``simulate``; None for that of the simulator.
            time_axis: 1 or -1 for the two orders of axes; None recognises it by the input shape.
            chunk, progress: see ``simulate``; without a state only.

        Returns:
            Output, class scores and recorded values of these steps.

        Raises:
            DataError: see ``simulate``; or the shape fits both orders of axes; or the state belongs to another network or has
                another number of streams; or chunk or progress is given with a state.
        """
        values = frames_of(spikes, self.network.input, time_axis=time_axis)
        interval = _positive("reset_interval", reset_interval, "None for no reset") or self._interval
        if state is None:
            return self._runner.run(values, record=record, reset_interval=interval, chunk=chunk, progress=progress)
        if chunk is not None or progress:
            raise DataError("chunk and progress are for runs from rest; leave them out, or leave state out")
        values = checked_spikes(self.network, values)
        wanted = checked_record(self.network, record or {})
        self._check_fits(state)
        if state.streams != len(values):
            raise DataError(
                f"the state has {state.streams} streams, the spikes {len(values)} samples; one sample a stream is allowed"
            )
        self.state = state
        output, layers = self._current().run(values, wanted, interval or 0)
        return Recording.of(self.network, output, layers)

    def values(self, layer: int, name: str) -> npt.NDArray[Any]:
        """An array of a layer after the last step, a copy; reading it makes no step slower.

        Args:
            layer: index of the layer; -1 is the input's neurons.
            name: one of its neurons' ``NAMES``, such as "spikes", "a", "u" or "v".

        Returns:
            (*layer shape), or (streams, *layer shape) if the last frame had that axis.

        Raises:
            DataError: there is no such layer or name.
        """
        checked_record(self.network, {layer: (name,)})
        return self._current().values(layer, name)

    @property
    def state(self) -> SimulatorState:
        """The current state, a copy; assign one to continue from it."""
        return self._current().state

    @state.setter
    def state(self, state: SimulatorState) -> None:
        self._check_fits(state)
        if self._stepper is None or self._stepper.streams != state.streams:
            self._stepper = self._made(state.streams)
        self._stepper.restore(state)

    def rest(self, streams: int = 1) -> SimulatorState:
        """The state of ``streams`` streams before their first step."""
        return self._made(_positive("streams", streams) or 1).state

    def reset(self, streams: int | Iterable[int] | None = None) -> None:
        """Put streams back to rest: no spikes under way, no steps made.

        Args:
            streams: an index, or several; None for all.  After a reset of all, the next frame may have another number of
                streams, unless the simulator was made for a number of them.

        Raises:
            DataError: there is no such stream.
        """
        if streams is None:
            self._stepper = None
        else:
            self._current().reset(streams)

    def __repr__(self) -> str:
        streams = self._streams if self._stepper is None else self._stepper.streams
        what = "any number of streams" if streams is None else f"{streams} stream{'s'[: streams != 1]}"
        return f"Simulator of {what}\n{self.network!r}"

    def load(self, path: str | os.PathLike[str]) -> None:
        """Continue from the state in ``path``, which ``simulator.state.save(path)`` wrote.

        Raises:
            DataError: the file holds no state, or one of another network or number of streams.
        """
        self.state = SimulatorState.load(path)

    def _check_fits(self, state: SimulatorState) -> None:
        if not isinstance(state, SimulatorState):
            raise DataError(
                f"a {type(state).__name__} is no state of a simulator; what simulator.state or SimulatorState.load gives is "
                "allowed"
            )
        if state.network != self._plan.digest:
            raise DataError(
                f"the state belongs to network {state.network[:12]}, this simulator runs network {self._plan.digest[:12]}: "
                "restore it into the network that it was saved with, or begin at rest"
            )
        if state.memory.shape != (state.streams, self._plan.size):
            raise DataError(
                f"the state has memory of shape {state.memory.shape}; {(state.streams, self._plan.size)} is allowed"
            )
        if self._streams not in (None, state.streams):
            raise DataError(f"the state has {state.streams} streams, this simulator {self._streams}: make one with that many")


def _positive(name: str, value: int | None, none: str = "") -> int | None:
    if not is_positive(value) or (value is None and not none):
        raise DataError(f"{name} is {shown(value)}; an integer of 1 or more{none and ', or ' + none} is allowed")
    return None if value is None else int(value)
