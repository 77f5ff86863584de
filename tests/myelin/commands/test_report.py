"""``myelin report``: structure, every number traced to its field, escaping, and what is said where something is missing."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser

import numpy as np
import pytest

from myelin.report.markup import resolve
from myelin.report.page import render, shown_sections
from myelin.report.verdict import judge

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Elements with attributes and text, in a tree whose tags must close in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.stack, self.declaration = [], [], ""
        self.feed(text)
        self.close()
        assert not self.stack

    def handle_decl(self, decl):
        self.declaration = decl

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        element = {"tag": tag, "text": "", "inside": [other["tag"] for other in self.stack], **{f"@{k}": v for k, v in attrs}}
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag):
        assert self.stack and self.stack.pop()["tag"] == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        for element in self.stack:
            element["text"] += data

    def all(self, tag):
        return [element for element in self.elements if element["tag"] == tag]


@pytest.fixture(scope="module")
def validated(artifacts, tiny, main, tmp_path_factory):
    """JSON of a validation of the dense artifact without Lava."""
    out = tmp_path_factory.mktemp("validated") / "validation.json"
    main("validate", artifacts["dense"], "--data", tiny.data, "--lava-samples", 0, "--max-drop", 100, "--json", out)
    return out


@pytest.fixture(scope="module")
def made(artifacts, runs, validated, tiny, main, tmp_path_factory):
    """The report's page and its values."""
    out = tmp_path_factory.mktemp("made") / "report.html"
    sweep = out.with_name("sweep.json")
    sweep.write_text(json.dumps(a_sweep()))
    explored = out.with_name("explored.json")
    assert main("explore", artifacts["dense"], "--data", tiny.data, "--json", explored) == 0
    given = ("--validation", validated, "--exploration", explored, "--run", runs["dense"], "--sweep", sweep)
    code = main("report", artifacts["dense"], *given, "--out", out)
    assert code == 0
    return out, json.loads(out.with_suffix(".json").read_text())


def a_sweep():
    """What `myelin sweep` writes of two rows, as far as a report reads it."""

    def row(sigma, mean, to_float):
        found = {f"integer_accuracy_{end}_percent": mean + add for end, add in (("mean", 0), ("min", -2), ("max", 1))}
        return {
            "case": "learned",
            "grid": {"delay.sigma": sigma},
            "evaluations": {"validation": {**found, "to_float": to_float}},
        }

    names = ("difference_points", "difference_low_points", "difference_high_points")
    rows = [row(2.0, 80.0, None), row(8.0, 84.5, dict(zip(names, (-0.5, -2.0, 1.0))))]
    return {"table": {"rows": rows}, "seeds": [1, 2], "data": {"name": "tiny"}, "report": None}


def test_the_page_is_whole(made):
    path, values = made
    page = Page(path.read_text())
    assert page.declaration == "DOCTYPE html" and len(page.all("h1")) == 1 and page.all("html")[0]["@lang"] == "en"
    ids = [element["@id"] for element in page.elements if "@id" in element]
    assert len(ids) == len(set(ids)) and {section.name for section in shown_sections(values)} <= set(ids)
    assert [element["@href"][1:] for element in page.all("a")] == [section.name for section in shown_sections(values)]
    figures, drawings = page.all("figure"), page.all("svg")
    layers, samples = len(values["delays"]), len(values["golden"]["samples"])
    # stages, differences, two matrices, cores, operations, learning, sweep and its curve; what has one for each
    assert len(figures) >= 9 + len(values["exploration"]["knobs"]) + 2 * layers + len(values["weights"]) + samples
    assert len(drawings) == len(figures)
    for drawing in drawings:
        assert drawing["@role"] == "img"
        title, description = drawing["@aria-labelledby"].split()
        named = {element["@id"]: element for element in page.elements if "@id" in element}
        assert named[title]["tag"] == "title" and named[title]["text"]
        assert named[description]["tag"] == "desc" and named[description]["text"]
    assert sum("figure" in table["inside"] for table in page.all("table")) == len(figures)  # a table beside every figure


def test_nothing_is_loaded(made):
    page = Page(made[0].read_text())
    assert not {element["tag"] for element in page.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "image",
    }
    named = [value for element in page.elements for key, value in element.items() if key in ("@href", "@src", "@xlink:href")]
    assert all(value.startswith("#") for value in named)
    assert not any(key.startswith("@on") or key == "@style" for element in page.elements for key in element)
    (style,) = page.all("style")
    assert "url(" not in style["text"] and "@import" not in style["text"]
    policy = next(one["@content"] for one in page.all("meta") if one.get("@http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy


def shown_fields(page, values):
    for element in page.elements:
        if "@data-field" in element:
            value = resolve(values, element["@data-field"])
            form = element.get("@data-format")
            yield element["@data-field"], element["text"], str(value) if form is None else format(value, form)


def test_every_field_resolves_to_what_is_shown(made):
    path, values = made
    found = list(shown_fields(Page(path.read_text()), values))
    assert len(found) > 400
    assert [one for one in found if one[1] != one[2]] == []
    fields = {field for field, _, _ in found}
    for stage in range(len(values["validation"]["stages"])):
        assert f"validation.stages[{stage}].accuracy_percent" in fields
    assert {"mapping.cores", "mapping.estimate.energy_uj_per_sample", "validation.confusion.integer[0][0]"} - fields <= {
        "mapping.estimate.energy_uj_per_sample"  # not public for this target
    }


def test_numbers_in_tables_are_traced(made):
    """A cell that is a number and nothing else names its field."""
    page = Page(made[0].read_text())
    traced = {id(element) for element in page.elements if "@data-field" in element}
    loose = []
    for place, element in enumerate(page.elements):
        if element["tag"] == "td" and element["text"].replace(".", "").replace(",", "").lstrip("+-").isdigit():
            inner = page.elements[place + 1 : place + 3]
            if not any(id(one) in traced for one in inner):
                loose.append(element["text"])
    assert loose == []


def test_values_are_what_the_artifact_holds(made, artifacts):
    from myelin.convert.artifact.artifact import read_artifact

    _, values = made
    artifact = read_artifact(artifacts["dense"])
    layer = artifact.network.layers[0]
    feed_forward, recurrent = values["delays"]
    assert sum(recurrent["whole_counts"]) == layer.recurrent.delay_steps.size == recurrent["delays"]
    assert (
        recurrent["whole_counts"]
        == np.bincount(layer.recurrent.delay_steps.ravel(), minlength=len(recurrent["whole_counts"])).tolist()
    )
    assert sum(feed_forward["initial_counts"]) == feed_forward["delays"] == layer.neurons
    assert feed_forward["rounding_longest_steps"] <= 0.5 and sum(feed_forward["rounding_counts"]) == layer.neurons
    weights = values["weights"][0]
    assert sum(weights["counts"]) == weights["weights"] == layer.synapse.weight.size
    assert weights["zero_weights"] == int((layer.synapse.weight == 0).sum()) and weights["unit"] % 2 == 0
    assert weights["rounding_rms"] < weights["unit"] / 2
    sample = values["golden"]["samples"][0]["populations"][1]
    golden = np.count_nonzero(artifact.golden.layers[0][0])
    assert sample["both_spikes"] + sample["only_integer_spikes"] == golden
    assert values["rules"]["holds"] and values["mapping"]["cores"] >= 1


def test_initial_delays_are_those_of_the_run(made, tiny):
    """Two epochs at a rate of 0.1 move no delay far from where it began; another seed's begin elsewhere."""
    _, values = made
    for one in values["delays"]:
        assert one["learned_move_mean_steps"] < 2.0


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;</title></svg>"


def hostile(value, key=""):
    """``value`` with every text replaced, but for those that choose what is drawn."""
    kept = {"name", "outcome", "answer", "energy_label", "fullest", "binding"}
    if isinstance(value, dict):
        return {name: hostile(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [hostile(entry, key) for entry in value]
    return HOSTILE if isinstance(value, str) and key not in kept | {"alone", "cumulated", "sweep_part"} else value


def test_text_from_files_is_escaped(made):
    values = hostile(made[1])
    values["validation"]["by_class"][0]["name"] = values["training"]["config"][0]["name"] = values["name"] = HOSTILE
    for row in values["sweep"]["table"]["rows"]:
        row["evaluations"] = {name: row["evaluations"][name] for name in row["evaluations"]}
    text = render(values)
    page = Page(text)
    assert not page.all("script") and not page.all("img") and "<script" not in text
    assert not any(key.startswith("@on") for element in page.elements for key in element)
    assert [one for one in shown_fields(page, values) if one[1] != one[2]] == []
    assert sum(HOSTILE in element["text"] for element in page.all("th")) > 4


@pytest.mark.parametrize("stage", ["validation", "mapping", "profile", "exploration", "sweep", "learning_curve"])
def test_what_is_missing_is_said(made, stage):
    values = copy.deepcopy(made[1])
    values[stage] = None
    values["missing"] = {stage: {"why": "nobody measured it", "cure": "measure it"}}
    values["verdict"] = judge(values)
    page = Page(render(values))
    said = [element["text"] for element in page.all("p") if element.get("@class") == "missing"]
    assert said and set(said) == {"Not in this report: nobody measured it; measure it."}
    assert (values["verdict"]["answer"] == "undecided") == (stage in ("validation", "mapping"))


def test_without_data_nothing_is_validated(artifacts, main, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert main("report", artifacts["dense"], "--out", out) == 0
    values = json.loads(out.with_suffix(".json").read_text())
    assert values["validation"] is None and values["verdict"]["answer"] == "undecided"
    assert values["profile"]["input"]["kind"] == "golden"
    assert "--data PATH" in out.read_text() and "is undecided" in capsys.readouterr().out


def test_a_run_is_exported_and_validated(runs, tiny, main, tmp_path, monkeypatch):
    from myelin.backends import names

    monkeypatch.setattr(names, "DEFAULT_LAVA_SAMPLES", 0)
    out = tmp_path / "report.html"
    assert main("report", runs["conv"], "--data", tiny.data, "--max-drop", 100, "--out", out) == 0
    values = json.loads(out.with_suffix(".json").read_text())
    assert values["learning_curve"] and values["verdict"]["answer"] == "may go"
    assert [one for one in shown_fields(Page(out.read_text()), values) if one[1] != one[2]] == []


def test_the_same_input_gives_the_same_page(made):
    path, values = made
    assert render(values) == path.read_text()


def test_json_of_another_network_is_refused(artifacts, validated, refused, tmp_path):
    said = refused("report", artifacts["conv"], "--validation", validated, "--out", tmp_path / "r.html")
    assert "validation: is of a network.net with SHA-256" in said and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("text", "told"), [("[1]", "format is not in it"), ("{", "cannot be read as JSON")])
def test_json_that_is_none_is_refused(artifacts, refused, tmp_path, text, told):
    path = tmp_path / "v.json"
    path.write_text(text)
    assert told in refused("report", artifacts["dense"], "--validation", path)


def test_values_that_lack_a_field_are_refused(made):
    from myelin.hw_configs.errors import DataError

    values = copy.deepcopy(made[1])
    del values["mapping"]["estimate"]["layers"][0]["spikes_per_sample"]
    with pytest.raises(DataError, match=r"section 'cost'.*spikes_per_sample"):
        render(values)


def test_neither_run_nor_artifact(refused, tmp_path):
    assert "has no manifest.json; an artifact folder, as myelin export writes it, or a run folder" in refused(
        "report", tmp_path
    )
