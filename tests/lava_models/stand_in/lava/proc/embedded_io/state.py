"""Stand-in; see `told.py`.  A state arrives a step late, since it is read when the step is over."""

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.embedded_io import told


class Read(AbstractProcess):
    def __init__(self, *, shape, interval, offset):
        super().__init__(shape=shape)
        self.state, self.out = RefPort(shape=shape), OutPort(shape=shape)
        told.log("Read", shape=shape, interval=interval, offset=offset)

    def connect_var(self, variable):
        self.state.connect_var(variable)


@implements(proc=Read, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class ReadModel(PyLoihiProcessModel):
    state: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.last = np.zeros(proc_params["shape"], np.int32)

    def run_spk(self):
        self.out.send(self.last)

    def post_guard(self):
        return True

    def run_post_mgmt(self):
        self.last = np.array(self.state.read(), np.int32)
