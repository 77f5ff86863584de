"""The benchmark of the GPU at a size where nothing is measured: on the CPU, with Triton's interpreter."""

from __future__ import annotations

import json
from dataclasses import replace

import torch
from kernels_here import on_the_cpu

from benchmarks import gpu
from benchmarks.training.training_layers import Point
from myelin.train.kernels import devices, late_checks

TINY = Point("dense", neurons=12, lags=5, steps=8, batch=2)
SIZES = gpu.Sizes(
    parity=(TINY, replace(TINY, recurrence="conv", hard=True)),
    timed=(replace(TINY, steps=2),),
    settings=(replace(TINY, neurons=2, steps=1, batch=1, hard=True),),
    networks=(gpu.Trained("dense", 2, True),),
    hidden=3, inputs=6, steps=3, classes=2, samples=2, events=40, repeats=1,
)  # fmt: skip
CARD = {
    "name": "A Card", "memory_gb": 8.0, "processors": 4, "compute_capability": "9.0", "cuda": "13.0",
    "software": {"torch": "2.9", "triton": "3.5"},
}  # fmt: skip


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    message = "benchmarks.gpu: error: no GPU that torch can use is there; run it on a machine with one\n"
    assert capsys.readouterr().err == message


def test_without_triton_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(devices, "triton_kernels", lambda: None)
    assert gpu.main([]) == 2
    assert capsys.readouterr().err == "benchmarks.gpu: error: Triton is not installed; run `pip install triton`\n"


@on_the_cpu
def test_all_parts_run_and_are_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(devices, "HOST", set())
    monkeypatch.setattr(devices, "GPU", {"cpu"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(gpu, "card", lambda device: CARD)
    monkeypatch.setattr(gpu, "FULL", SIZES)
    measured = gpu.measured
    monkeypatch.setattr(gpu, "measured", lambda sizes, device: measured(sizes, torch.device("cpu")))
    assert gpu.main(["--json", str(tmp_path / "gpu.json")]) == 0
    late_checks.settle()
    results = json.loads((tmp_path / "gpu.json").read_text())
    assert [row["different_spikes"] for row in results["parity"]] == [0, 0] and results["parity"][0]["spikes"] > 5
    (found,) = results["layers"]
    names = {row["name"] for row in found["rows"]}
    assert {"kernels", "torch's operations", "published order", "published order, rearranged"} <= names
    (network,) = results["networks"]
    assert network["samples_per_s_from_events"]["median"] > 0 and not results["skipped"]
    (tried,) = results["settings"]
    assert [(row["columns"], row["different_spikes"]) for row in tried["rows"]][::2] == [(64, 0), (128, 0), (256, 0)]
    table = (tmp_path / "gpu.md").read_text()
    assert table.startswith("A Card, 8 GB, 4 multiprocessors, compute capability 9.0, CUDA 13.0; torch 2.9, triton 3.5.")
    assert "2 layers: 0 of" in table and "| dense | 12 | 2 | spread | kernels |" in table and table in capsys.readouterr().out


def test_what_differs_is_a_verdict_and_what_takes_too_long_is_left_out(monkeypatch):
    close = {"different_spikes": 0, "gradient_differences": {"weight": 1e-6}}
    assert gpu.equal({"parity": [close]}) and not gpu.equal({"parity": []})
    assert not gpu.equal({"parity": [close, {**close, "different_spikes": 1}]})
    assert not gpu.equal({"parity": [close, {**close, "gradient_differences": {"weight": 1e-2}}]})
    found = gpu.measured(replace(SIZES, seconds=-1.0), torch.device("cpu"))
    assert found["skipped"] == 2 + 1 + 1 + 1 and not found["parity"]


def test_the_full_sizes_take_the_shapes_that_a_card_may_trip_over():
    shapes = {(point.recurrence, point.neurons, point.hard) for point in gpu.FULL.parity}
    assert {("dense", 1024, True), ("dense", 250, False), ("conv", 256, True)} <= shapes
