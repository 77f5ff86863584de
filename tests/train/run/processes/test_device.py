"""Devices: what is not there is refused by name, and each process of a machine takes its own."""

from __future__ import annotations

import pytest
import torch

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.config import Config, DataConfig, LayerConfig
from myelin.train.kernels import devices
from myelin.train.model import build_model
from myelin.train.run.processes import device as module
from myelin.train.run.processes.device import device_line, device_named


@pytest.mark.parametrize("name", ["cuda:17", "abacus"])
def test_a_device_that_is_not_there(name):
    with pytest.raises(ConfigError, match=f"train.device is '{name}', which cannot be used here"):
        device_named(name)


def test_each_process_of_a_machine_takes_its_own(monkeypatch):
    """Which device is asked for; no CUDA is needed to see that."""
    monkeypatch.setattr(torch, "empty", lambda *_, **__: None)
    taken = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert device_named("cuda") == torch.device("cuda", 3)
    assert device_named("cuda:1") == torch.device("cuda", 1) and device_named("cpu") == torch.device("cpu")
    monkeypatch.delenv("LOCAL_RANK")
    assert device_named("cuda") == torch.device("cuda", 0)
    assert [device.index for device in taken] == [3, 1, 0]


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    message = "'cuda' and this machine has 2 GPUs, none for process 2 of it; start torchrun with --nproc-per-node=2"
    with pytest.raises(ConfigError, match=message):
        device_named("cuda")


def test_a_run_on_a_gpu_says_what_runs_its_layers(monkeypatch):
    data = DataConfig(channels=4, steps=5)
    cuba = build_model(Config(data=data, layers=(LayerConfig(neurons=3),)), 2)
    alif = build_model(Config(data=data, layers=(LayerConfig(neurons=3, neuron="alif"),)), 2)
    assert device_line(cuba) is None
    monkeypatch.setattr(devices, "GPU", {"cpu"})
    monkeypatch.setattr(module, "GPU", {"cpu"})
    monkeypatch.setattr(module, "triton_kernels", lambda: "there")
    assert device_line(cuba) == "device        cpu: Triton's kernels, compiled at the first step and then kept"
    others = "device        cpu: Triton's kernels for CUBA neurons, torch's operations in every step for Alif"
    assert device_line(alif) == others
    monkeypatch.setattr(module, "triton_kernels", lambda: None)
    told = "device        cpu: torch's operations in every step; for Triton's kernels, which are faster, run `pip install"
    assert device_line(cuba).startswith(told) and "[cuda]" in device_line(cuba)
