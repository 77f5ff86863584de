"""Basilar membrane: the hydrodynamic shallow-water model of the inner ear, solved in the frequency domain.

The velocity of a membrane with stiffness S, damping R and mass m, at distance x from the base (0..3.5 cm, high pitches first):

    v(omega, x) = 2 omega / xi(x) * p(x) / p(0) * Z(omega) * stimulus(omega)
    xi(x) = S(x) - m omega^2 - i omega R(x)        S(x) = S0 exp(-alpha x) - a        R(x) = R0 exp(-alpha x / 2)
    p(x) = sqrt(G / g) H0(G)                       g(x) = omega sqrt(rho / (h xi))     G(x) = 2 g(0) / alpha + int_0^x g dx'
    Z(omega) = sqrt(2 S0 / h) (i J0(u) + Y0(u)) / (J1(u) - i Y1(u))                    u = 2 omega / alpha sqrt(2 / (h S0))

with the integral in closed form: with q = a + m omega^2 and y = exp(-alpha x / 2),

    G(x) = 2 g(0) / alpha - 2 i omega / (alpha sqrt(h q)) ln(B(0) / B(x))
    B(x) = (i sqrt(q) - sqrt(xi(x))) / y - omega R0 / (2 sqrt(q))

Frequencies omega in rad/s, lengths in cm, S0 and a in g cm^-2 s^-2, m and rho h in g cm^-2.

Two conventions of the published encoder, `lauscher`, are kept, since they are part of the data.  Only the lower half of the
spectrum is transformed back, which halves the sample rate.  Its frequencies are spaced evenly from 1 Hz to that rate.

Source: Sieroka, Dosch, Rupp 2006, J. Acoust. Soc. Am. 120(1) 297; constants of Cramer et al. 2020, arXiv 1910.07407.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt
from scipy import fft, special

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
from myelin.train.cochlea.hankel import hankel0, taylor_table

ALPHA = 3.0  # 1/cm
BASE_STIFFNESS = 1e9  # S0
STIFFNESS_OFFSET = 3500.0  # a
DENSITY = 1.0  # rho
HEIGHT = 0.1  # h
MASS = 0.05  # m
BASE_DAMPING = 0.15 * math.sqrt(BASE_STIFFNESS * MASS)  # R0
LENGTH_CM = 3.5


def membrane_velocity(
    wave: npt.NDArray[np.float64], rate_hz: int, channels: int, part: slice = slice(None)
) -> tuple[npt.NDArray[np.float64], int]:
    """Velocity of the membrane at ``channels`` places, or at a ``part`` of them, and its sample rate ``rate_hz // 2``.

    wave: (samples,) sound pressure. Result: (channels, samples // 2 + 1), channel 0 at the base (highest pitch).
    """
    count = wave.size // 2 + 1
    velocity_rate_hz = rate_hz // 2
    omega = 2 * np.pi * np.linspace(1, velocity_rate_hz, count)
    spectrum = fft.fft(wave)[:count]
    places_cm = np.linspace(0, LENGTH_CM, channels)[part]
    # the velocity is the real part of the inverse transform, so the spectrum is made Hermitian and only half is transformed
    half = np.empty((places_cm.size, count // 2 + 1), np.complex128)
    _apply_membrane(places_cm, omega, spectrum * _source(omega), taylor_table(), half)
    return fft.irfft(half, n=count, axis=1, overwrite_x=True), velocity_rate_hz


def _source(omega: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
    """2 omega Z(omega) / p(omega, 0), the factor common to all places, (frequencies,)."""
    stiffness = BASE_STIFFNESS - STIFFNESS_OFFSET - MASS * omega**2 - 1j * omega * BASE_DAMPING
    g = omega * np.sqrt(DENSITY / (HEIGHT * stiffness))
    phase = 2 * g / ALPHA  # G(0)
    pressure = np.sqrt(phase / g) * special.hankel1(0, phase)
    u = 2 * omega / ALPHA * np.sqrt(2 / (HEIGHT * BASE_STIFFNESS))
    bessel = (1j * special.j0(u) + special.y0(u)) / (special.j1(u) - 1j * special.y1(u))
    return 2 * omega * np.sqrt(2 * BASE_STIFFNESS / HEIGHT) * bessel / pressure


@numba.njit(cache=True, nogil=True)
def _root(omega: float, decay: float) -> complex:
    """Principal sqrt(xi) for y = ``decay``; Im xi < 0. The larger part is computed first, so that neither part cancels."""
    real = BASE_STIFFNESS * decay * decay - STIFFNESS_OFFSET - MASS * omega * omega
    imag = -omega * BASE_DAMPING * decay
    size = math.sqrt(real * real + imag * imag)
    if real >= 0.0:
        large = math.sqrt(0.5 * (size + real))
        return complex(large, 0.5 * imag / large)
    large = math.sqrt(0.5 * (size - real))
    return complex(-0.5 * imag / large, -large)


@numba.njit(cache=True, nogil=True)
def _apply_membrane(
    places_cm: npt.NDArray[np.float64],
    omega: npt.NDArray[np.float64],
    spectrum: npt.NDArray[np.complex128],
    table: npt.NDArray[np.complex128],
    half: npt.NDArray[np.complex128],
) -> None:
    """half[c] = Hermitian half of spectrum * p(x_c) / xi(x_c), in place; ``omega`` and ``spectrum`` are (frequencies,)."""
    count = omega.size
    row = np.empty(count, np.complex128)
    phase_base = np.empty(count, np.complex128)
    log_size = np.empty(count)
    log_angle = np.empty(count)
    scale = np.empty(count)
    mass_root = np.empty(count)
    shift = np.empty(count)
    for k in range(count):
        q = STIFFNESS_OFFSET + MASS * omega[k] * omega[k]
        mass_root[k] = math.sqrt(q)
        shift[k] = 0.5 * omega[k] * BASE_DAMPING / mass_root[k]
        scale[k] = 2.0 * omega[k] / (ALPHA * math.sqrt(HEIGHT * q))
        root = _root(omega[k], 1.0)
        phase_base[k] = 2.0 * omega[k] * math.sqrt(DENSITY / HEIGHT) / (ALPHA * root)
        log_size[k], log_angle[k] = _log_parts(root, mass_root[k], shift[k], 1.0)
    for c in range(places_cm.size):
        decay = math.exp(-0.5 * ALPHA * places_cm[c])
        for k in range(count):
            root = _root(omega[k], decay)
            size, angle = _log_parts(root, mass_root[k], shift[k], decay)
            turn = log_angle[k] - angle
            if turn > math.pi:
                turn -= 2.0 * math.pi
            elif turn <= -math.pi:
                turn += 2.0 * math.pi
            # -i s (a + i b) = s b - i s a
            phase = phase_base[k] + complex(scale[k] * turn, -scale[k] * (log_size[k] - size))
            g_inverse = root * (1.0 / (omega[k] * math.sqrt(DENSITY / HEIGHT)))
            pressure = np.sqrt(phase * g_inverse) * hankel0(phase, table)
            row[k] = spectrum[k] * pressure / (root * root)
        half[c, 0] = row[0].real
        for k in range(1, half.shape[1]):
            half[c, k] = 0.5 * (row[k] + row[count - k].conjugate())


@numba.njit(cache=True, nogil=True)
def _log_parts(root: complex, mass_root: float, shift: float, decay: float) -> tuple[float, float]:
    """ln |B| and arg B for B = (i sqrt(q) - sqrt(xi)) / y - omega R0 / (2 sqrt(q))."""
    real = -root.real / decay - shift
    imag = (mass_root - root.imag) / decay
    return 0.5 * math.log(real * real + imag * imag), math.atan2(imag, real)
