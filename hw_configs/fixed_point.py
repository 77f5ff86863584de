"""Ranges of Lava's fixed-point model, the single definition for every stage, with sources.

These are the limits of the arithmetic; the limits of a chip are in the target files (``loihi2.toml``).
"""

from __future__ import annotations

#: Unit of decays, which are 12-bit fractions: ``x <- x * (4096 - decay) / 4096`` (lava-nc ``proc/lif/models.py``).
DECAY_UNITY = 4096
#: Largest magnitude of the voltage, at which it saturates (lava-nc ``proc/lif/models.py``, 24 bit signed).
STATE_MAX = (1 << 23) - 1
#: Magnitude at which the current wraps (same file).
CURRENT_WRAP = 1 << 23
#: Input and threshold are shifted left by this many bits to the scale of the states (same file).
STATE_SHIFT = 6
#: SLAYER's weight unit: weight 1.0 is the integer 64 (lava-dl ``slayer/neuron/cuba.py``, ``scale=1 << 6``).
WEIGHT_SCALE = 64
#: SLAYER's state unit: state 1.0 is the integer 4096 (same file, ``s_scale``).
STATE_SCALE = WEIGHT_SCALE << STATE_SHIFT
#: Range of the signed weights of a synapse (lava-nc ``utils/weightutils.py``); 8-bit signed weights are even.
WEIGHT_MIN, WEIGHT_MAX = -256, 255
#: Bits of signed weights; weights of fewer bits b are multiples of 2^(9 - b) in the same range (same file).
WEIGHT_BITS = 8
#: Longest delay in a netx file (lava-dl ``netx/hdf5.py`` clips delays to it).
NETX_MAX_DELAY_STEPS = 62
#: Largest threshold mantissa, 17 bit (lava-nc ``proc/lif/process.py``).
THRESHOLD_MAX = (1 << 17) - 1
#: Bias mantissa, 13 bit signed, and exponent, 3 bit (same file).
BIAS_MANT_MIN, BIAS_MANT_MAX = -(1 << 12), (1 << 12) - 1
BIAS_EXP_MAX = 7
#: Exponent of a bias, fixed by netx (lava-dl ``netx/hdf5.py``).
NETX_BIAS_EXP = 6
#: Longest payload of a graded spike in bits (Intel Loihi 2 technology brief, 2021).
MESSAGE_BITS_MAX = 32
#: Largest exponent of sigma-delta neurons, 3 bit (lava-nc ``proc/sdn/models.py``), and netx's exponents (``netx/hdf5.py``).
SDNN_EXP_MAX = 7
SDNN_SPIKE_EXP, SDNN_STATE_EXP = 6, 6
#: Payload in bits that netx declares for the messages of sigma-delta neurons (lava-dl ``netx/hdf5.py``).
SDNN_MESSAGE_BITS = 16
#: Bits to which the sum of a convolution wraps, signed (lava-nc ``proc/conv/models.py``, ``clamp_precision``).
CONV_SUM_BITS = 24
