"""The report of networks without a run: what it shows of each task, what it leaves out and why, and the frame of a notebook."""

from __future__ import annotations

import copy
import functools
import html
import json
import re

import numpy as np
import pytest
from small_network import answered, shd_file, small_network

import myelin
from myelin.convert.floats.network import dequantised
from myelin.hw_configs.errors import ConfigError, DataError, NetworkError
from myelin.report.markup import resolve
from myelin.report.page import render

NETWORK = small_network()
FIELD = re.compile(r'data-field="([^"]+)"')


@functools.cache
def samples():
    return answered(NETWORK)


def written(tmp_path, y="classes", source=NETWORK, **options):
    answers = getattr(samples(), y)
    options = {"reference": dequantised(NETWORK), "lava_samples": 0, "max_drop": 100, **options}
    return myelin.write_report(source, (samples().x, answers), tmp_path / "r.html", **options)


def plain(report):
    return json.loads(json.dumps(report.values))


@pytest.mark.parametrize("task", ["classes", "steps", "trace"])
def test_each_task(tmp_path, task):
    report = written(tmp_path, task)
    text = report.page.read_text()
    assert report.values["verdict"]["answer"] == "may go" and json.loads(report.beside.read_text()) == plain(report)
    for field in FIELD.findall(text):
        resolve(report.values, html.unescape(field))
    assert ('id="traces"' in text, 'id="classes"' in text) == (task == "trace", task != "trace")
    assert "Not in this report: </strong>" in text and "not made from a run of `myelin train`" in text
    if task == "trace":
        assert "validation.errors.simulator[2]" in text and "change of the error (%)" in text
        assert len(re.findall(r'<figure id="fig-trace-', text)) == 9
        assert "the error (RMSE) of the integer network differs by" in report.values["verdict"]["cost"]
    else:
        assert "fig-confusion-integer" in text
        assert ("Steps. Rows: the true class" in text) == (task == "steps")


def test_delays_and_spikes_of_a_float_network_are_compared(tmp_path):
    floats = dequantised(NETWORK).map_delays(lambda delays: np.maximum(0, delays - 0.25))
    report = written(tmp_path, reference=floats)
    (delays,) = report.values["delays"]
    assert delays["where"] == "layer 0 (dense), feed-forward" and delays["rounding_longest_steps"] == pytest.approx(0.25)
    assert delays["initial_counts"] is None and report.values["golden"]["floats"]
    populations = report.values["golden"]["samples"][0]["populations"]
    assert populations[1]["only_float_spikes"] + populations[1]["both_spikes"] > 0


def test_without_floats_only_the_integers_are_drawn(tmp_path):
    report = written(tmp_path, reference=lambda x: np.zeros(len(x)))
    assert report.values["golden"]["floats"] is False and "the integers</span>" in report.page.read_text()
    (delays,) = report.values["delays"]
    assert delays["rounding_counts"] is None and delays["trained_mean_steps"] is None


def test_without_a_reference_the_verdict_is_open(tmp_path):
    report = written(tmp_path, reference=None)
    assert report.values["verdict"]["answer"] == "undecided"
    assert "not judged: there is no reference" in report.values["verdict"]["reasons"][0]
    assert any("--reference (reference= in Python)" in text for text in report.values["verdict"]["helps"])
    assert (
        report.values["validation"]["stages"][0]["name"] == "simulator" and "fig-confusion-integer" in report.page.read_text()
    )


def test_without_data_random_spikes_are_mapped(tmp_path):
    report = myelin.write_report(NETWORK, None, tmp_path / "r.html")
    assert report.values["validation"] is None and report.values["profile"]["input"]["kind"] == "random"
    assert report.values["verdict"]["answer"] == "undecided"


def test_what_the_maker_says_is_shown(tmp_path):
    facts = {"who": "<me>", "paper": {"doi": "10.1/x", "pages": [3, 4]}}
    art = myelin.export(
        NETWORK, tmp_path / "art", target="loihi2", inputs=samples().x[:4], classes=["a", "b", "c"], provenance=facts
    )
    report = written(tmp_path, source=art)
    text = report.page.read_text()
    assert [entry["name"] for entry in report.values["origin"]["user"]] == ["paper.doi", "paper.pages", "who"]
    assert "&lt;me&gt;" in text and "<me>" not in text and "What its maker says of it" in text
    assert report.values["validation"]["classes"] == ["a", "b", "c"] and report.values["environment"]["files"]
    other = myelin.export(small_network(1), tmp_path / "other", target="loihi2", inputs=samples().x[:4])
    with pytest.raises(DataError, match=r"validation: is of a network\.net with SHA-256"):
        myelin.write_report(other, None, tmp_path / "o.html", stages={"validation": report.values["validation"]})


def test_damaged_values_of_a_stage_are_refused(tmp_path):
    def refused(name, **change):
        given = {name: values[name] | change}
        with pytest.raises(
            DataError, match=rf"the JSON of {name}: a value is missing or of the wrong kind \(.*; give it as this"
        ):
            myelin.write_report(NETWORK, None, tmp_path / "o.html", stages=given)

    values = written(tmp_path).values
    refused("validation", stages=[{}])
    refused("validation", parities=[{"name": 3}])
    refused("validation", gate=values["validation"]["gate"] | {"drop_high_points": "x"})
    refused("profile", layers=[3])
    refused("profile", warnings=3)
    refused("profile", layers=[{"where": "layer 0"}])
    assert not (tmp_path / "o.html").exists()


def test_a_broken_rule_is_a_verdict_and_no_error(tmp_path):
    """A target by name, and a network that it does not hold."""
    from dataclasses import replace

    layer = replace(NETWORK.layers[0], delay_steps=np.full(10, 80))
    report = written(tmp_path, source=replace(NETWORK, layers=(layer, NETWORK.layers[1])), target="loihi2")
    assert report.values["verdict"]["answer"] == "may not go" and "80 steps" in report.values["verdict"]["reasons"][0]


def test_files_of_others(tmp_path, main, monkeypatch):
    from myelin.backends import names

    monkeypatch.setattr(names, "DEFAULT_LAVA_SAMPLES", 0)
    myelin.write_netx(NETWORK, tmp_path / "n.net")
    data = shd_file(samples(), tmp_path / "d.h5")
    np.savez(tmp_path / "p.npz", predictions=samples().classes)
    out = tmp_path / "r.html"
    options = ("--steps", 25, "--step-ms", 1, "--reference", tmp_path / "p.npz", "--out", out)
    assert main("report", tmp_path / "n.net", "--data", data, *options) == 0
    values = json.loads(out.with_suffix(".json").read_text())
    assert values["validation"]["reference"]["kind"] == "predictions" and values["name"] == "n"
    assert values["origin"]["source"] == "a netx file"


def test_a_frame_for_a_notebook(tmp_path):
    """The page itself, escaped into an attribute; links within it need the base of the frame."""
    report = written(tmp_path)
    text = report._repr_html_()
    inside = html.unescape(re.fullmatch(r'<iframe srcdoc="([^"]*)" title="[^"<]*" style="[^"]*"></iframe>', text).group(1))
    assert inside == render(report.values, embedded=True) and '<base href="about:srcdoc">' in inside
    values = copy.deepcopy(report.values)
    assert inside.replace('<base href="about:srcdoc">', "").replace("base-uri about:", "base-uri &#x27;none&#x27;") == render(
        values
    )


def test_a_run_that_was_read_is_named_by_its_path(runs, tmp_path):
    with pytest.raises(NetworkError, match="is a run folder that was read; name its path"):
        myelin.write_report(myelin.read(runs["dense"]), None, tmp_path / "r.html")


def test_a_page_beside_the_values_of_something_else_is_refused(tmp_path):
    """`--out RUN/run.html` would replace the run.json of the run."""
    (tmp_path / "r.json").write_text('{"format": 1, "config": {}}')
    with pytest.raises(
        ConfigError, match=r"the values go to .*r\.json, which exists and is no report's; give the page another"
    ):
        written(tmp_path)
    assert (tmp_path / "r.json").read_text() == '{"format": 1, "config": {}}' and not (tmp_path / "r.html").exists()
    (tmp_path / "r.json").unlink()
    assert written(tmp_path).values["name"] == written(tmp_path).values["name"]  # a report replaces an older one


def test_a_report_is_shown_in_a_few_lines(tmp_path):
    report = written(tmp_path)
    lines = repr(report).splitlines()
    assert lines[0] == f"Report on {report.values['name']}" and lines[1].startswith("  verdict       ") and len(lines) < 12


def test_the_validation_that_was_measured_is_taken_as_it_is(tmp_path):
    art = myelin.export(NETWORK, tmp_path / "art", target="loihi2", inputs=samples().x[:4])
    validation = myelin.validate(
        art, (samples().x, samples().classes), reference=dequantised(NETWORK), lava_samples=0, max_drop=77
    )
    report = myelin.write_report(art, None, tmp_path / "r.html", stages={"validation": validation})
    assert report.values["validation"]["gate"]["max_drop_points"] == 77


def test_what_is_no_stage_is_refused(tmp_path):
    data = (samples().x, samples().classes)
    validation = myelin.validate(NETWORK, data, reference=dequantised(NETWORK), lava_samples=0, max_drop=77)
    for name, given, said in [
        ("validatoin", {}, "stages: 'validatoin' is no stage; validation, mapping, profile, exploration, sweep are allowed"),
        ("validatoin", tmp_path, "stages: 'validatoin' is no stage"),
        ("profile", validation, "stages: profile is a Validation; give it as validation"),
    ]:
        with pytest.raises(DataError, match=said):
            myelin.write_report(NETWORK, None, tmp_path / "r.html", stages={name: given})
