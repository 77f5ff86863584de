"""``myelin.validate`` on any network against any reference, for all three tasks, and what is refused."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from small_network import answered, shd_file, small_network

import myelin
from myelin.convert.floats.file import write_floats
from myelin.convert.floats.network import dequantised
from myelin.convert.statistics import compare_errors, compare_steps
from myelin.hw_configs.errors import BackendError, DataError, GateError, NetworkError
from myelin.validation.measure import require_pass, result, verdict_of
from myelin.validation.table import shown

NETWORK = small_network()
TASKS = ("classes", "steps", "trace")


@functools.cache
def samples():
    return answered(NETWORK)


def validate(y="classes", network=NETWORK, **options):
    return myelin.validate(network, (samples().x, getattr(samples(), y)), **{"lava_samples": 0, "max_drop": 100, **options})


def outputs(x):
    """The network's own output, as a callable reference."""
    return myelin.simulate(NETWORK, x).output / 4096


def worse(x):
    return outputs(x) + np.random.default_rng(len(x)).normal(0, 0.5, (len(x), 25, 3))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("reference", [dequantised(NETWORK), outputs, lambda x: np.moveaxis(outputs(x), 1, -1)])
def test_each_task_against_floats_and_callables(task, reference):
    found = validate(task, reference=reference)
    assert (found.task, found.gate.outcome, found.failures) == (task, "passes", [])
    assert [stage.name for stage in found.stages] == ["float", "simulator"]
    values = json.loads(json.dumps(result(found)))
    assert values["cumulated"] == ["float", "simulator"] and values["alone"] == []
    assert values["gate"]["unit"] == ("percent" if task == "trace" else "points")
    assert values["network"]["as_expected"] is None and values["network_sha256"] is None
    change = found.stages[1].to_float.change[0]
    assert abs(change) < 0.2 and found.gate.drop_high > 0
    assert "\n".join(shown(found)).count("integer network, simulator") == 1


def test_steps_without_a_label_count_as_class_0_in_the_published_figure():
    found = validate("steps", reference=worse)
    truth = samples().steps
    assert (truth < 0).any()
    told = []
    for stage in found.stages:
        right = found.outcomes[stage.name].predictions == truth.clip(min=0)
        assert stage.published_percent == pytest.approx(100 * right[:, 10:].mean())
        told.append(f"{stage.published_percent:.2f} %")
    line = f"published     before {told[0]}, integers {told[1]}: steps without a label as class 0, the first 10 steps left out"
    assert line in shown(found)
    assert result(found)["stages"][1]["published_percent"] == found.stages[1].published_percent
    assert validate("classes", reference=worse).stages[1].published_percent is None


def test_steps_are_compared_by_samples_as_clusters():
    found = validate("steps", reference=worse)
    reference, integers = (found.outcomes[name].predictions for name in ("float", "simulator"))
    assert np.array_equal(integers, samples().output.argmax(axis=2))
    expected = compare_steps(reference, integers, samples().steps)
    assert found.stages[1].to_float.change == pytest.approx(
        [100 * value for value in (expected.difference, *expected.difference_interval)]
    )
    assert found.stages[1].to_float.p == expected.p and found.stages[1].to_float.mcnemar_p is None
    labelled = samples().steps >= 0
    assert found.stages[1].correct_samples == (integers == samples().steps)[labelled].sum()
    values = result(found)
    assert np.sum(values["confusion"]["integer"]) == labelled.sum() == sum(one["samples"] for one in values["by_class"])
    assert values["labels"] == samples().steps.tolist()
    assert "steps right" in "\n".join(shown(found))


def test_traces_are_compared_in_slayers_unit():
    found = validate("trace", reference=worse)
    errors = ((samples().output / 4096 - samples().trace) ** 2).mean(axis=(1, 2))
    assert found.outcomes["simulator"].predictions == pytest.approx(errors)
    assert found.stages[1].rmse == pytest.approx(np.sqrt(errors.mean())) == pytest.approx(0.2, abs=0.02)
    expected = compare_errors(found.outcomes["float"].predictions, errors)
    assert found.stages[1].to_float.change == pytest.approx(
        [100 * value for value in (expected.change, *expected.change_interval)]
    )
    assert found.stages[1].accuracy_percent is None and found.by_class == ()
    values = result(found)
    assert values["labels"] is None and values["confusion"] is None and len(values["errors"]["float"]) == 40
    assert np.allclose(values["traces"]["simulator"], samples().output[:3] / 4096)
    assert values["traces"]["target"] == samples().trace[:3].tolist()
    assert "the error (RMSE) of the integer network is" in values["gate"]["message"] and "% below" in values["gate"]["message"]


def test_a_calibrated_readout_has_a_unit_of_its_own(tmp_path):
    """The artifact says it, the float network tells it, or the user; SLAYER's unit would be wrong by ten times."""
    floats = dequantised(NETWORK)
    weight = 1.37 * floats.layers[1].synapse.weight
    layers = (floats.layers[0], replace(floats.layers[1], synapse=replace(floats.layers[1].synapse, weight=weight)))
    floats, truth = replace(floats, layers=layers), (1.37 * samples().trace).astype(np.float32)
    made = myelin.quantise(
        floats, (samples().x, truth), target="loihi2", calibration_samples=8, artifact=tmp_path / "art", progress=False
    )
    scale = 64 * made.values["choices"][-1]["weight_1_is_threshold_units"]
    assert scale > 2 * 4096
    options = {"lava_samples": 0, "max_drop": 100}
    found = [
        myelin.validate(made.artifact, (samples().x, truth), **options),
        myelin.validate(made.network, (samples().x, truth), reference=floats, **options),
        myelin.validate(made.network, (samples().x, truth), reference=worse, output_scale=scale, **options),
    ]
    units = [one.unit for one in found]
    assert [unit.source for unit in units] == [
        "as the artifact's quantisation chose it", "fitted to the readout weights of the reference", "as given"
    ]  # fmt: skip
    assert [unit.scale for unit in units] == pytest.approx([scale] * 3, rel=0.03)
    integers = myelin.simulate(made.network, samples().x).output
    error = np.sqrt(((integers / scale - truth) ** 2).mean())
    assert [one.stages[1].rmse for one in found] == pytest.approx([error] * 3, rel=0.1) and error < 1
    assert f"unit          {scale:g} is 1.0: as the artifact" in "\n".join(found[0].lines())
    wrong = myelin.validate(made.network, (samples().x, truth), reference=worse, **options)
    assert wrong.unit == (4096.0, "SLAYER's unit") and wrong.stages[1].rmse > 5 * error
    with pytest.raises(DataError, match=r"output_scale is 0; the integer output that means 1\.0 is allowed, above 0"):
        validate("trace", reference=worse, output_scale=0)


@pytest.mark.parametrize("task", TASKS)
def test_a_loss_fails(task):
    """The reference answers better than the integers: with the right answers, or nearly so."""
    truth = getattr(samples(), task)
    given = np.arange(len(truth))
    rng = np.random.default_rng(0)

    def right(x):
        numbers, given[: len(x)] = given[: len(x)].copy(), given[: len(x)]
        answers = truth[numbers]
        return answers + rng.normal(0, 0.02, answers.shape) if task == "trace" else answers

    found = validate(task, reference=right, max_drop=1.0)
    assert (found.gate.outcome, verdict_of(found)) == ("fails", "fail")
    with pytest.raises(GateError, match=r"network: validation failed: the .*allowed, even at the small end"):
        require_pass(found)


@pytest.mark.parametrize("task", TASKS)
def test_few_samples_decide_nothing(task):
    def nearly(x):
        return outputs(x) + np.random.default_rng(1).normal(0, 0.005, (len(x), 25, 3))

    found = validate(task, reference=nearly if task == "trace" else outputs, max_drop=0.0 if task == "trace" else 1.0)
    assert (found.gate.outcome, verdict_of(found)) == ("undecided", "undecided")
    assert found.gate.samples_needed > 40 and "more) would" in found.failures[0]


def test_the_callable_gets_x_as_it_was_given():
    torch = pytest.importorskip("torch")
    x, seen = torch.from_numpy(samples().x).movedim(1, -1).bool(), []

    def look(given):
        seen.append(given)
        return torch.zeros(len(given), 3)

    myelin.validate(NETWORK, (x, torch.from_numpy(samples().classes)), reference=look, lava_samples=0)
    assert torch.equal(torch.cat(seen), x)
    frames = []
    data = myelin.SpikeDataset.from_dense(samples().x, samples().classes)
    myelin.validate(NETWORK, data, reference=lambda given: frames.append(given) or np.zeros(len(given)), lava_samples=0)
    assert np.array_equal(np.concatenate(frames), samples().x) and frames[0].dtype == np.uint8


@pytest.mark.parametrize("task", TASKS)
def test_stored_predictions(task, tmp_path):
    output = samples().output / 4096
    kept = {
        "classes": ({"predictions": output.sum(axis=1).argmax(axis=1)}, {"scores": output.sum(axis=1)}),
        "steps": ({"predictions": output.argmax(axis=2)}, {"outputs": output}),
        "trace": ({"outputs": output}, {"outputs": np.moveaxis(output, 1, -1)}),
    }[task]
    for arrays in kept:
        np.savez(tmp_path / "p.npz", labels=getattr(samples(), task), **arrays)
        found = validate(task, reference=tmp_path / "p.npz")
        assert found.reference == {"kind": "predictions", "name": str(tmp_path / "p.npz")} and found.gate.passed
        assert found.stages[1].to_float.change[0] == 0


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, r"p\.npz: holds nothing; exactly one of predictions, scores, outputs is allowed: np\.savez\("),
        ({"predictions": np.zeros(40), "scores": np.zeros((40, 3))}, "holds predictions, scores; exactly one of"),
        ({"predictions": np.zeros(39)}, r"predictions answer 39 samples, data \(x, y\) \(all\) holds 40; predict the samples"),
        ({"scores": np.zeros((40, 4))}, r"p\.npz: scores has shape \(40, 4\); allowed are classes"),
        ({"predictions": np.zeros(40), "labels": np.zeros(3)}, r"labels have shape \(3,\), those of data \(x, y\) .* \(40,\)"),
        (
            {"predictions": np.zeros(40), "labels": np.full(40, 3)},
            r"labels\[0\] is 3, .* it is [0-2]; predict the same",
        ),
    ],
)
def test_stored_predictions_that_do_not_fit(arrays, said, tmp_path):
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(DataError, match=said):
        validate(reference=tmp_path / "p.npz")


def test_a_file_that_holds_no_arrays(tmp_path):
    (tmp_path / "p.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"p\.npz: cannot be read as stored predictions .*write them with np\.savez"):
        validate(reference=tmp_path / "p.npz")


def test_float_networks_from_files(tmp_path):
    write_floats(dequantised(NETWORK), tmp_path / "f.npz")
    myelin.write_netx(NETWORK, tmp_path / "n.net")
    myelin.write_nir(NETWORK, tmp_path / "n.nir")
    for path in (tmp_path / "f.npz", tmp_path / "n.nir"):
        found = validate(reference=path)
        assert found.reference == {"kind": "floats", "name": str(path)} and found.gate.passed
    found = validate(network=tmp_path / "n.net", reference=dequantised(NETWORK))
    assert found.opened.kind == "netx" and found.gate.passed


def test_floats_of_another_network_are_refused():
    with pytest.raises(NetworkError, match=r"float network has the shapes 6, 10, 4, 4, the integers have 6, 10, 3, 3"):
        validate(reference=dequantised(small_network(classes=4)))


def test_the_float_network_in_an_artifact_is_its_reference(tmp_path):
    pytest.importorskip("nir")
    myelin.write_nir(NETWORK, tmp_path / "n.nir")
    art = myelin.export(tmp_path / "n.nir", tmp_path / "art", target="loihi2", inputs=samples().x[:4], classes=["a", "b", "c"])
    has_floats = (tmp_path / "art" / "floats.npz").is_file()
    found = validate(network=art, **({} if has_floats else {"reference": dequantised(NETWORK)}))
    assert found.reference["kind"] == "floats" and found.classes == ("a", "b", "c") and found.gate.passed
    values = result(found)
    assert values["network"]["as_expected"] and values["network_sha256"] and values["exported_for"] == "loihi2"


@pytest.fixture
def artifact(tmp_path):
    return myelin.export(NETWORK, tmp_path / "art", target="loihi2", inputs=samples().x[:4])


NO_REFERENCE = r"without a trained or a float network has nothing to compare .* --reference \(reference= in Python\): a run"


def test_without_a_reference_nothing_passes_silently(artifact, tmp_path, main, refused):
    with pytest.raises(NetworkError, match=NO_REFERENCE):
        validate()
    with pytest.raises(NetworkError, match=NO_REFERENCE + r".*--no-reference \(reference=False\)"):
        validate(network=artifact)
    with pytest.raises(NetworkError, match=r"network: without a reference nothing was compared \(.*--lava-samples 0"):
        validate(reference=False)
    found = validate(network=artifact, reference=False)
    assert found.gate is None and found.failures == [] and found.reference is None
    text = "\n".join(shown(found))
    assert "EQUAL: not judged: there is no reference" in text and "reference     none" in text
    values = result(found)
    assert values["gate"]["outcome"] == "not judged" and values["gate"]["passed"] and values["confusion"]["float"] is None
    data = (shd_file(samples(), tmp_path / "d.h5"), "--steps", 25, "--step-ms", 1)
    assert re.search(NO_REFERENCE, refused("validate", artifact.folder, "--data", *data))
    assert main("validate", artifact.folder, "--data", *data, "--lava-samples", 0, "--no-reference") == 0
    np.savez(tmp_path / "p.npz", predictions=samples().classes)
    options = ("--data", *data, "--lava-samples", 0, "--reference", tmp_path / "p.npz")
    assert main("validate", artifact.folder, *options, "--max-drop", 100) == 0
    assert main("validate", artifact.folder, *options, "--max-drop", 0.5) == 1


def test_a_change_is_located_beside_a_reference(artifact, capsys):
    import h5py

    with h5py.File(artifact.folder / "network.net", "r+") as file:
        weight = file["layer"]["2"]["weight"] if "2" in file["layer"] else file["layer"]["1"]["weight"]
        weight[0, 0] = 2 if weight[0, 0] != 2 else 4
    found = validate(network=artifact, reference=outputs)
    assert any("network.net is not what lava_network.npz holds" in failure for failure in found.failures)
    assert any(equality.divergence for equality in found.equalities)
    assert "they differ, see above" in "\n".join(shown(found))


def test_a_change_without_a_reference_is_a_verdict(artifact):
    import h5py

    with h5py.File(artifact.folder / "network.net", "r+") as file:
        group = file["layer"]["1"]
        group["weight"][0, 0] = 2 if group["weight"][0, 0] != 2 else 4
    with pytest.raises(GateError, match=r"validation failed: network\.net is not what lava_network.npz holds"):
        validate(network=artifact)


@pytest.mark.parametrize(
    ("reference", "error", "said"),
    [
        (3, DataError, r"reference is a int; allowed are a run folder, .* any callable, or a FloatNetwork; or False for none"),
        ("nowhere", NetworkError, r"nowhere: no such file or folder; --reference \(reference= in Python\) takes a run folder"),
        (lambda x: x, DataError, r"what reference <lambda> returns has shape \(40, 25, 6\); allowed are classes"),
        (
            lambda x: 1 / 0,
            DataError,
            r"<lambda> fails on x of shape \(40, 25, 6\) \(ZeroDivisionError: division by zero\)",
        ),
    ],
)
def test_what_is_no_reference(reference, error, said):
    with pytest.raises(error, match=said):
        validate(reference=reference)


def test_an_artifact_without_floats_is_no_reference(artifact):
    with pytest.raises(NetworkError, match="an artifact without a trained or a float network is no reference"):
        validate(reference=artifact.folder)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"max_drop is -1; 0 or more"):
        validate(reference=outputs, max_drop=-1)
    with pytest.raises(DataError, match=r"max_drop is '1'; 0 or more"):
        validate(reference=outputs, max_drop="1")
    with pytest.raises(DataError, match="no step has a label, all are -1"):
        myelin.validate(NETWORK, (samples().x, np.full((40, 25), -1)), reference=outputs, lava_samples=0)
    with pytest.raises(DataError, match="traces cannot be compared: the reference has no error"):
        validate("trace", reference=lambda x: samples().trace)


def test_a_board_needs_an_artifact(monkeypatch):
    monkeypatch.setattr("myelin.lava_models.loihi2.require", lambda: None)
    with pytest.raises(BackendError, match="network: a board runs the golden inputs of an artifact; export it first"):
        validate(reference=outputs, board=True)


def test_a_figure_of_each_task(tmp_path):
    for task in TASKS:
        validate(task, reference=worse, plot=tmp_path / f"{task}.png")
        assert (tmp_path / f"{task}.png").read_bytes().startswith(b"\x89PNG")
