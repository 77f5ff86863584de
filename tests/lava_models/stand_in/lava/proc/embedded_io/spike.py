"""Stand-in; see `told.py`."""

import time

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.embedded_io import told


class PyToNxAdapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits=0):
        super().__init__(shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)
        told.log(type(self).__name__, shape=shape, num_message_bits=num_message_bits)


class PyToN3ConvAdapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits=0):
        assert len(shape) == 3
        super().__init__(shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)
        told.log(type(self).__name__, shape=shape, num_message_bits=num_message_bits)


class NxToPyAdapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits=0):
        super().__init__(shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)
        told.log(type(self).__name__, shape=shape, num_message_bits=num_message_bits)


class Through(PyLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self):
        self.out.send(self.inp.recv())


@implements(proc=PyToNxAdapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class In(Through):
    pass


@implements(proc=PyToN3ConvAdapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class ConvIn(Through):
    pass


@implements(proc=NxToPyAdapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class Out(Through):
    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.queue = []

    def run_spk(self):
        if self.time_step == 3 and told.BEHAVIOUR == "hang":
            time.sleep(1000)
        if self.time_step == 3 and told.BEHAVIOUR == "fail":
            raise RuntimeError("chip 0 does\nnot answer")
        self.queue.append(self.inp.recv())
        spikes = self.queue.pop(0) if len(self.queue) > told.LATE else np.zeros(self.out.shape, np.int32)
        if self.time_step == 5 and told.BEHAVIOUR == "wrong":
            spikes = 1 - spikes
        self.out.send(spikes)
