"""Run the network of this folder with stock lava-nc, and compare it with what must come out.

    python lava_network.py [--samples N]

Needs this file, ``lava_network.npz`` and ``golden.npz`` side by side, and lava-nc (written for 0.10.0 on Python 3.10: ``pip
install lava-nc==0.10.0``); neither Myelin nor lava-dl, h5py or torch.  Every sample runs through a graph of its own, which
starts from rest; every output value of every step is compared.  Exit code 0: all are equal; 1: one differs; 2: it cannot run.

What ``lava_network.npz`` holds (whole numbers and texts; ``np.load`` reads it):

    input.shape                             where spikes enter: (neurons,) or (channels, height, width)
    input.weight, input.bias                only with input.neuron.*: those neurons are driven by weight * x + bias
    L.shape                                 of the neurons of layer L = 0, 1, ...
    L.axonal_delay_steps                    how much later each neuron's spikes reach the next layer, of that shape
    L.forward.kind                          dense or conv: the connection from the population before
    L.forward.weight, .weight_exp           (out, in), or (out, in / groups, height, width) of a cross-correlation
    L.forward.delay_steps                   of each synapse (out, in), if there are any
    L.forward.stride, .padding, .dilation   (vertical, horizontal), and .groups: of a convolution
    L.forward.message_bits                  0 for spikes of 0 or 1, else the width of what the connection carries
    L.recurrent.*                           likewise, from the layer to itself, with its own .axonal_delay_steps
    L.neuron.kind                           cuba, sigma_delta or sigma (delta at the input), and its constants
    L.output                                spikes, or the name of the state that is read out

To build on it: ``build`` makes the processes of one sample, ``connect`` joins one layer to the one before.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NoReturn
from zipfile import BadZipFile

import numpy as np

HERE = Path(__file__).resolve().parent
#: Lava's longest delay, 6 bit (proc/dense/models.py), its Conv's largest size, int8, and where that one's sums wrap, 24 bit.
MAX_DELAY_STEPS, MAX_CONV_SIZE, CONV_SUM_LIMIT = 63, 127, 1 << 23


def refuse(reason: str) -> NoReturn:
    """End with exit code 2."""
    print(f"lava_network.py: cannot run: {reason}", file=sys.stderr)
    raise SystemExit(2)


try:
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc import io
    from lava.proc.conv.process import Conv
    from lava.proc.dense.process import DelayDense, Dense
    from lava.proc.lif.process import LIF
    from lava.proc.sdn.process import ActivationMode, Delta, Sigma, SigmaDelta
    from lava.proc.sparse.process import DelaySparse, Sparse
    from lava.utils.weightutils import SignMode
    from scipy.sparse import csr_matrix
except (ImportError, ValueError) as error:  # Lava as published raises ValueError on Python 3.11 and later
    python = ".".join(map(str, sys.version_info[:2]))
    refuse(f"lava-nc cannot be imported in Python {python} ({error}); in Python 3.10: pip install lava-nc==0.10.0")


class Population:
    """Neurons, or a source of spikes: a Lava process and the order of its elements.

    All is flat, in the C order of (channels, height, width), but beside Lava's Conv (``image``), which speaks (x, y, channel).
    """

    def __init__(self, process: Any, shape: tuple[int, ...], image: bool) -> None:
        self.process, self.shape, self.image = process, shape, image

    def send(self, port: Any, to_image: bool) -> None:
        """Connect the spikes to an input port."""
        out = self.process.s_out
        if self.image and not to_image:
            out = out.transpose([2, 1, 0]).flatten()
        elif to_image and not self.image:
            out = out.reshape(chw(self.shape)).transpose([2, 1, 0])
        out.connect(port)

    def receive(self, port: Any, from_image: bool) -> None:
        """Connect the activations of an output port to the neurons."""
        if self.image and not from_image:
            port = port.reshape(chw(self.shape)).transpose([2, 1, 0])
        port.connect(self.process.a_in)


def main() -> int:
    """Run the golden inputs; 0 if all outputs are equal."""
    parser = argparse.ArgumentParser(description="Run the golden inputs with stock Lava and compare every output value.")
    parser.add_argument("--samples", metavar="N", type=int, help="only the first N (default: all)")
    samples = parser.parse_args().samples
    try:
        with np.load(HERE / "lava_network.npz") as stored, np.load(HERE / "golden.npz") as golden:
            network, inputs, expected = dict(stored), golden["spikes"][:samples], golden["output"][:samples]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        refuse(f"lava_network.npz or golden.npz cannot be read ({error}); copy the whole folder, or export it again")
    if not len(inputs) or (samples is not None and samples < 1):
        refuse("there is no sample to run")
    differing, started = 0, time.perf_counter()
    for number, values in enumerate(inputs):
        output = run_sample(network, values.astype(np.int32))
        wrong = np.argwhere(output != expected[number].reshape(output.shape))
        first = f", first at step {wrong[0][0]}, neuron {wrong[0][1]}" if len(wrong) else ""
        print(f"sample {number}: {len(wrong)} of {output.size} values differ{first}", flush=True)
        differing += len(wrong)
    result = f"{differing} of {expected.size} output values of {len(inputs)} samples differ"
    print(f"{'NO PARITY' if differing else 'PARITY'}: {result} ({time.perf_counter() - started:.1f} s)")
    return 1 if differing else 0


def run_sample(network: dict[str, Any], values: np.ndarray) -> np.ndarray:
    """Output (steps, neurons) for one sample (steps, *input shape)."""
    steps, population = len(values), build(network, values)[-1]
    last = section(network, str(count_layers(network) - 1))
    process, state = population.process, str(last["output"])
    if state == "spikes":
        sink = io.sink.RingBuffer(shape=process.s_out.shape, buffer=steps)
        process.s_out.connect(sink.a_in)
    else:
        sink = io.sink.Read(buffer=steps)
        sink.connect_var(getattr(process, state))
    process.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    data = np.asarray(sink.data.get())
    process.stop()
    sent = (data.transpose(3, 2, 1, 0) if population.image else data.T).reshape(steps, -1).astype(np.int64)
    output = np.zeros_like(sent)  # the last layer's axonal delays act here
    for neuron, delay in enumerate(last["axonal_delay_steps"].reshape(-1)):
        output[delay:, neuron] = sent[: max(0, steps - delay), neuron]
    return output


def build(network: dict[str, Any], values: np.ndarray) -> list[Population]:
    """Processes of one sample, connected: the input, and the neurons of every layer."""
    shape = tuple(int(size) for size in network["input.shape"])
    delays, neuron = np.zeros(shape, int), section(network, "input.neuron")
    image = uses_conv(section(network, "0.forward"), delays) and (len(shape) == 3 or not neuron)
    source = driven_neurons(section(network, "input"), shape, image, values) if neuron else ring(values, image)
    populations = [Population(source, shape, image)]
    for index in range(count_layers(network)):
        layer = section(network, str(index))
        shape, image = tuple(int(size) for size in layer["shape"]), uses_conv(section(layer, "forward"), delays)
        neurons = Population(create_neurons(section(layer, "neuron"), shape, image), shape, image)
        connect(populations[-1], neurons, layer, delays)
        populations.append(neurons)
        delays = layer["axonal_delay_steps"]
    return populations


def connect(before: Population, neurons: Population, layer: dict[str, Any], delays: np.ndarray) -> None:
    """The connections that reach ``neurons``: from the population before with its axonal ``delays``, and from themselves.

    A neuron's axonal delay stands on its column of the weights that its spikes meet.
    """
    forward, recurrent = section(layer, "forward"), section(layer, "recurrent")
    image = uses_conv(forward, delays)
    for process in [lava_conv(forward, before.shape)] if image else matrices(forward, before.shape, delays):
        before.send(process.s_in, image)
        neurons.receive(process.a_out, image)
    for process in matrices(recurrent, neurons.shape, recurrent["axonal_delay_steps"]) if recurrent else []:
        neurons.send(process.s_in, False)
        neurons.receive(process.a_out, False)


def uses_conv(connection: dict[str, Any], delays: np.ndarray) -> bool:
    """Whether it can be Lava's Conv, which knows no delays, and small sizes only."""
    if str(connection["kind"]) != "conv" or delays.any():
        return False
    sizes = [connection["weight"].shape[2:], *(connection[name] for name in ("stride", "padding", "dilation", "groups"))]
    fits = max(int(np.max(size)) for size in sizes) <= MAX_CONV_SIZE
    reach = int(np.abs(connection["weight"]).sum(axis=(1, 2, 3), dtype=np.int64).max())
    if not fits and (connection["message_bits"] or reach >= CONV_SUM_LIMIT):
        refuse(f"a convolution is larger than {MAX_CONV_SIZE} in one direction, and its sums may leave 24 bit")
    return fits


def lava_conv(connection: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """Lava's Conv, a true convolution in (x, y, channel): kernels flipped, sizes in the order (horizontal, vertical)."""
    return Conv(
        weight=connection["weight"][:, :, ::-1, ::-1].transpose(0, 3, 2, 1).copy(),
        input_shape=chw(shape)[::-1],
        groups=int(connection["groups"]),
        num_message_bits=int(connection["message_bits"]),
        **{name: tuple(int(size) for size in connection[name][::-1]) for name in ("stride", "padding", "dilation")},
    )


def matrices(connection: dict[str, Any], shape: tuple[int, ...], delays: np.ndarray) -> list[Any]:
    """Matrix processes, which add up, from a flat population of ``shape`` with these axonal delays to a flat one."""
    axonal, weight = np.broadcast_to(delays, shape).reshape(-1).astype(np.int64), connection["weight"]
    dense, bits = str(connection["kind"]) == "dense", int(connection["message_bits"])
    if dense:
        steps, exponent = np.broadcast_to(axonal, weight.shape) + connection.get("delay_steps", 0), connection["weight_exp"]
    else:
        weight, target, source, size = unroll(connection, shape)
        steps, exponent = axonal[source], 0
    if int(steps[weight != 0].max(initial=0)) > MAX_DELAY_STEPS:  # Lava would raise in a process of its own, and wait forever
        refuse(f"a synapse has a delay above the {MAX_DELAY_STEPS} steps that Lava holds, axonal and synaptic together")
    processes = []
    for values, shift, mode in lava_weights(weight, int(exponent)):
        late = np.where(values != 0, steps, 0)  # the delay of a synapse that carries nothing would only lengthen the buffer
        form = {"weight_exp": shift, "num_weight_bits": 8, "sign_mode": mode, "num_message_bits": bits}
        if dense:
            form["weights"] = values
        else:
            form["weights"] = csr_matrix((values[values != 0], (target[values != 0], source[values != 0])), shape=size)
        if late.any():
            form["max_delay"] = int(late.max())
            # what is not stored is delay 0 there
            form["delays"] = late if dense else csr_matrix((late[late > 0], (target[late > 0], source[late > 0])), shape=size)
            processes.append(DelayDense(**form) if dense else DelaySparse(**form))
        else:
            processes.append(Dense(**form) if dense else Sparse(**form))
    return processes


def lava_weights(weight: np.ndarray, exponent: int) -> list[tuple[np.ndarray, int, Any]]:
    """(weights, exponent, sign mode) with which Lava keeps every weight: one set, or two that add up.

    Lava keeps even mixed weights in -256..254 only; odd ones in -128..127 are doubled and the exponent lowered by one, which is
    exact, and weights of one sign keep all their 8 bits in a mode of their own.  A sign mode left to Lava would be guessed.
    """
    weight = weight.astype(np.int32)
    low, high = int(weight.min(initial=0)), int(weight.max(initial=0))
    if not np.any(weight & 1):
        return [(weight, exponent, SignMode.MIXED)]
    if low >= -128 and high <= 127:
        return [(weight * 2, exponent - 1, SignMode.MIXED)]
    if low >= 0:
        return [(weight, exponent, SignMode.EXCITATORY)]
    if high <= 0 and low >= -255:
        return [(weight, exponent, SignMode.INHIBITORY)]
    odd = weight & 1
    return [(weight - odd, exponent, SignMode.MIXED), (odd * 2, exponent - 1, SignMode.MIXED)]


def unroll(connection: dict[str, Any], shape: tuple[int, ...]) -> tuple[Any, Any, Any, tuple[int, int]]:
    """Every synapse of a convolution: weight, target, source (flat), and the shape (out, in) of the matrix.

    ``a[o, y, x] = sum_{c, i, j} W[o, c, i, j] s[c, y*stride + i*dilation - padding, x*stride + j*dilation - padding]``
    """
    channels, height, width = chw(shape)
    kernel, group_out = connection["weight"], len(connection["weight"]) // int(connection["groups"])
    stride, padding, dilation = (connection[name].astype(int) for name in ("stride", "padding", "dilation"))
    free = np.array([height, width]) + 2 * padding - dilation * (np.array(kernel.shape[2:]) - 1) - 1
    out_height, out_width = (int(size) for size in free // stride + 1)
    out, inner, i, j, y, x = (index.reshape(-1) for index in np.indices((*kernel.shape, out_height, out_width)))
    row, column = (place * stride[k] + tap * dilation[k] - padding[k] for k, (place, tap) in enumerate(((y, i), (x, j))))
    weight = kernel[out, inner, i, j]
    kept = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (weight != 0)
    target = (out * out_height + y) * out_width + x
    source = ((out // group_out * kernel.shape[1] + inner) * height + row) * width + column
    return weight[kept], target[kept], source[kept], (len(kernel) * out_height * out_width, channels * height * width)


def create_neurons(neuron: dict[str, Any], shape: tuple[int, ...], image: bool, **change: Any) -> Any:
    """The process of a population; a constant that is the same for all is one number."""

    def each(name: str) -> Any:
        full = np.broadcast_to(neuron[name], shape if neuron[name].ndim else ()).astype(np.int64)
        return full.transpose(2, 1, 0).copy() if image and full.ndim else full.reshape(-1) if full.ndim else int(full)

    kind = str(neuron["kind"])
    constants: dict[str, Any] = {"shape": shape[::-1] if image else (int(np.prod(shape)),)}
    if kind == "sigma":
        return Sigma(**constants)
    constants["vth"] = int(neuron["threshold"])
    if kind == "cuba":
        constants |= {"du": each("current_decay") - 1, "dv": each("voltage_decay"), "bias_mant": each("bias_mant")}
        return LIF(**{**constants, "bias_exp": int(neuron["bias_exp"]), **change})  # Lava adds 1 to du
    constants |= {name: int(neuron[name]) for name in ("spike_exp", "state_exp")}
    constants["cum_error"] = bool(neuron["cumulative_error"])
    if kind == "delta":
        return Delta(**constants)
    mode = {"relu": ActivationMode.RELU, "unit": ActivationMode.UNIT}[str(neuron["activation"])]
    return SigmaDelta(**constants, bias=each("bias"), act_mode=mode)


def driven_neurons(source: dict[str, Any], shape: tuple[int, ...], image: bool, values: np.ndarray) -> Any:
    """Neurons at the input: delta encoders of ``weight * values + bias`` (steps, *shape), or LIFs with that as their bias."""
    neuron, driven = section(source, "neuron"), values.astype(np.int64) * source["weight"] + source["bias"]
    if str(neuron["kind"]) == "delta":
        encoders = create_neurons(neuron, shape, image)
        ring(driven, image).s_out.connect(encoders.a_in)
        return encoders
    mantissa = driven + neuron["bias_mant"]
    mantissa = mantissa.transpose(0, 3, 2, 1) if image else mantissa.reshape(len(mantissa), -1)
    lif = create_neurons(neuron, shape, image, bias_mant=mantissa[0].copy())
    if np.any(mantissa != mantissa[0]):
        # what is loaded after a step acts in the next; the loader wants pairs (state, label)
        loader = io.dataloader.StateDataloader(dataset=[(np.ascontiguousarray(step), 0) for step in mantissa[1:]])
        loader.connect_var(lif.bias_mant)
    return lif


def ring(values: np.ndarray, image: bool) -> Any:
    """A source that sends ``values`` (steps, *shape), one step after the other; Lava wants time last."""
    data = values.reshape(-1, *chw(values.shape[1:])).transpose(3, 2, 1, 0) if image else values.reshape(len(values), -1).T
    return io.source.RingBuffer(data=np.ascontiguousarray(data, np.int32))


def section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """What is named ``name.*``, without that prefix."""
    return {key[len(name) + 1 :]: value for key, value in values.items() if key.startswith(f"{name}.")}


def count_layers(network: dict[str, Any]) -> int:
    """How many layers there are beside the input."""
    return sum(key.endswith(".output") for key in network)


def chw(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, height, width); N neurons in a row are (1, 1, N)."""
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (1, 1, shape[0])


if __name__ == "__main__":
    sys.exit(main())
