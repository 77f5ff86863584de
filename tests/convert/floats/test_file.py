"""A float network comes back from its file with every number exact."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.file import read_floats, write_floats
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.hw_configs.errors import NetworkError


@pytest.fixture
def network():
    """Every kind of connection, delays with fractions, a bias, and a readout of states."""
    rng = np.random.default_rng(5)
    neuron = FloatCuba(0.1 + 0.2, rng.random((2, 1, 1)), 1 / 3, rng.normal(size=(2, 1, 1)))
    conv = FloatLayer((2, 2, 3), FloatConv(rng.normal(size=(2, 1, 3, 1)), (1, 2), (1, 0)), neuron, rng.random((2, 2, 3)))
    back = FloatRecurrent(FloatDense(rng.normal(size=(4, 4))), rng.random(4) * 9)
    dense = FloatLayer(
        (4,), FloatDense(rng.normal(size=(4, 12)), rng.random((4, 12)) * 5), FloatCuba(1.5, 0.5, 0.25), recurrent=back
    )
    readout = FloatLayer((2,), FloatDense(rng.normal(size=(2, 4))), FloatCuba(None, 1.0, 0.1))
    return FloatNetwork((1, 2, 5), (conv, dense, readout), message_bits=3, average_groups=2)


def flat(value):
    """Every number of a nested dataclass, by path."""
    if isinstance(value, tuple):
        return {f"{index}.{name}": one for index, entry in enumerate(value) for name, one in flat(entry).items()}
    if hasattr(value, "__dataclass_fields__"):
        fields = ((name, getattr(value, name)) for name in value.__dataclass_fields__)
        return {f"{type(value).__name__}.{name}.{rest}": one for name, entry in fields for rest, one in flat(entry).items()}
    return {"": value}


def test_every_number_is_exact(network, tmp_path):
    write_floats(network, tmp_path / "floats.npz")
    wanted, found = flat(network), flat(read_floats(tmp_path / "floats.npz"))
    assert wanted.keys() == found.keys() and len(wanted) > 30
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def broken(change):
    def write(path, network):
        write_floats(network, path)
        with np.load(path) as stored:
            arrays = dict(stored)
        change(arrays)
        np.savez(path, **arrays)

    return write


def with_structure(change):
    def edit(arrays):
        structure = json.loads(str(arrays["structure"]))
        change(structure)
        arrays["structure"] = np.asarray(json.dumps(structure))

    return broken(edit)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda path, network: None, "cannot be read as a float network: FileNotFoundError"),
        (
            lambda path, network: path.write_bytes(b"PK\x03\x04"),
            "cannot be read as a float network: ValueError: File is not a zip file",
        ),
        (lambda path, network: np.savez(path, weight=np.ones(3)), "cannot be read as a float network: KeyError: 'structure'"),
        (with_structure(lambda structure: structure.update(format=2)), "float network of format 2, this version reads 1"),
        (with_structure(lambda structure: structure["network"].update(kind="Zoo")), "kind 'Zoo'; FloatNetwork, FloatLayer"),
        (with_structure(lambda structure: structure["network"].update(colour=1)), "unexpected keyword argument 'colour'"),
        (with_structure(lambda structure: structure.update(network=structure["network"]["layers"][0])), "holds a FloatLayer"),
        (broken(lambda arrays: arrays.pop("network.layers.0.synapse.weight")), "KeyError: 'network.layers.0.synapse.weight'"),
        (
            broken(lambda arrays: arrays.update({"network.layers.1.neuron.current_decay": np.full((), np.nan)})),
            "current_decay holds 1 values that are NaN",
        ),
    ],
)
def test_what_is_no_such_file_is_one_message(network, tmp_path, write, told):
    path = tmp_path / "floats.npz"
    write(path, network)
    with pytest.raises(NetworkError, match=told):
        read_floats(path)


def test_a_place_that_cannot_be_written_is_said(network, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NetworkError, match=r"floats.npz cannot be written"):
        write_floats(network, tmp_path / "file" / "floats.npz")
