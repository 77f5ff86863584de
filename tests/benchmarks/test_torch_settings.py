"""Torch's settings are chosen by time and put back."""

import time

import torch

from benchmarks.training import torch_settings
from benchmarks.training.torch_settings import Settings, applied, fastest


def test_settings_hold_while_open_and_no_longer():
    before = torch.get_num_threads(), torch.backends.mkldnn.enabled
    with applied(Settings(threads=before[0] + 1, onednn=False)):
        assert (torch.get_num_threads(), torch.backends.mkldnn.enabled) == (before[0] + 1, False)
    assert (torch.get_num_threads(), torch.backends.mkldnn.enabled) == before


def test_the_fastest_settings_are_taken(monkeypatch):
    monkeypatch.setattr(torch_settings, "THREADS", 2)
    slow = Settings(threads=1, onednn=False)

    def call():
        time.sleep(0.001 if (torch.get_num_threads(), torch.backends.mkldnn.enabled) == (1, False) else 0.05)

    assert fastest(call, convolution=True) == slow
    assert fastest(call, convolution=False).onednn
    assert str(slow) == "1 thread, without oneDNN" and str(Settings(threads=2)) == "2 threads"


def test_convolutions_add_exactly():
    draw = torch.Generator().manual_seed(1)
    x = torch.randint(0, 16, (32, 1, 64, 8), generator=draw) / 128
    kernel = torch.randint(-100, 100, (1, 1, 3, 1), generator=draw) / 32
    padded = torch.nn.functional.pad(x, (0, 0, 1, 1))
    expected = sum(kernel[0, 0, i, 0] * padded[:, :, i : i + 64] for i in range(3))
    for onednn in (True, False):
        with applied(Settings(1, onednn)):
            assert torch.equal(torch.nn.functional.conv2d(x, kernel, padding=(1, 0)), expected)
