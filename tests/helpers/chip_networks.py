"""A network with every kind of layer of the chip's graph."""

import numpy as np

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network

NEURON = Cuba(1, 4096, 4096)


def deep_network():
    """A convolution, a delayed one that must be unrolled, a recurrent one, and dense layers with and without axonal delays."""
    rng = np.random.default_rng(3)
    conv = Conv(rng.integers(-10, 30, (3, 2, 2, 2)), padding=(1, 0))
    return Network(
        Input((2, 3, 4)),
        (
            Layer((3, 4, 3), conv, Cuba(20, 500, 300), delay_steps=rng.integers(0, 9, (3, 1, 1))),
            Layer(
                (2, 4, 2),
                Conv(rng.integers(-10, 30, (2, 3, 1, 2))),
                Cuba(20, 500, 300),
                recurrent=DelayedRecurrent(
                    Conv(rng.integers(-255, 40, (2, 2, 3, 1)), padding=(1, 0)), rng.integers(0, 20, (2, 4, 2))
                ),
            ),
            Layer((5,), Dense(rng.integers(-9, 20, (5, 16)) * 2), Cuba(20, 500, 300), delay_steps=rng.integers(0, 9, 5)),
            Layer((4,), Dense(rng.integers(-9, 20, (4, 5)) * 2), Cuba(20, 500, 300)),
        ),
    )
