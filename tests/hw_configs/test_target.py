"""Targets: what the files say, that every number has its source, and that a wrong file is named."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

import myelin.hw_configs.target as module
from myelin.hw_configs.errors import TargetError
from myelin.hw_configs.target import Target, known_fields, number_fields
from myelin.hw_configs.target_files import load_target, target_names


def test_the_numbers_of_loihi2():
    target = load_target("loihi2")
    assert (target.delay_steps_max, target.weight_bits, target.threshold_max) == (62, 8, 2**17 - 1)
    assert (target.neurons_per_core, target.core_memory_bytes, target.usable_cores_per_chip) == (8192, 192 * 1024, 120)
    assert target.unknown == (
        "weight_exp_min",
        "weight_exp_max",
        "cores_per_tile",
        "neuron_configs_per_core",
        "delay_slots_per_core",
        "axons_in_per_core",
        "axons_out_per_core",
    )


def test_the_numbers_of_loihi1():
    target = load_target("loihi1")
    assert (target.neurons_per_core, target.core_memory_bytes, target.axons_in_per_core) == (1024, 128 * 1024, 4096)
    assert (target.weight_exp_min, target.weight_exp_max, target.message_bits_max) == (-8, 7, 0)
    assert target.unknown == ("usable_cores_per_chip", "step_ns_min")
    assert target.cores_to_plan_with == 128 and load_target("loihi2").cores_to_plan_with == 120


def test_what_an_event_costs_on_loihi1():
    events = load_target("loihi1").events
    assert events.synaptic_operation == (23.6, 3.5)
    assert (events.neuron_update_active, events.neuron_update_inactive) == ((81.0, 8.4), (52.0, 5.3))
    assert (events.spike_within_tile, events.hop_east_west, events.hop_north_south) == ((1.7, 2.1), (3.0, 4.1), (4.0, 6.5))
    assert (events.barrier_one_tile, events.barrier_all_tiles) == ((None, 113.0), (None, 465.0))


@pytest.mark.parametrize(
    ("synapses", "fields", "words"),
    [
        (0, {"weight_bits": 8}, 0),
        (1, {"weight_bits": 8}, 1),  # 8 + 10 = 18 bits
        (6, {"weight_bits": 8}, 1),  # 58
        (7, {"weight_bits": 8}, 2),  # 66
        (64, {"weight_bits": 8}, 9),  # 522
        (65, {"weight_bits": 8}, 10),  # a second block of 18
        (64, {"weight_bits": 8, "delay_bits": 6}, 15),  # 906
        (200, {"weight_bits": 8, "delay_bits": 6, "index_bits": 8}, 3 * 23 + 3),  # 22 bits each: 1418, and 186
    ],
)
def test_packing_of_synapses(synapses, fields, words):
    assert load_target("loihi1").packing.axon_bits(synapses, **fields) == 64 * words


def test_widths_of_a_synapse():
    packing = load_target("loihi1").packing
    assert [packing.field_bits("weight_bits", bits) for bits in (1, 6, 7, 8, 9)] == [1, 6, 8, 8, None]
    assert [packing.field_bits("index_bits", bits) for bits in (0, 1, 6, 12, 13)] == [0, 6, 6, 12, None]


def test_stand_ins_are_labelled():
    one, two, board = (load_target(name) for name in ("loihi1", "loihi2", "kapoho_point"))
    assert two.packing == board.packing == one.packing and two.events == one.events
    assert one.packing_label == one.events_label == load_target("nahuku").events_label == ""
    assert two.packing_label == board.packing_label == "estimate, loihi1 packing"
    assert two.events_label == board.events_label == "relative comparison only: figures per event are those of loihi1"
    assert load_target("cpu").events_label == load_target("cpu").packing_label == ""


BOARDS = {"kapoho_bay": 2, "nahuku": 32, "oheo_gulch": 1, "kapoho_point": 8, "alia_point": 32, "hala_point": 1152}


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_its_chip_times_a_number(name):
    board = load_target(name)
    chip = load_target(board.chip)
    assert board.chips == BOARDS[name] and chip.chips == 1
    assert chip == dataclasses.replace(board, name=chip.name, title=chip.title, chips=1)
    assert set(board.sources) == set(chip.sources)


@pytest.mark.parametrize("name", target_names())
def test_every_number_has_its_source_beside_it(name):
    target = load_target(name)
    stated = {source.split(".")[0] for source in target.sources} - {"controller", "cycles"}
    assert stated == set(known_fields()) - set(target.unknown)
    assert all(source.strip() for source in target.sources.values())
    assert target.name == name
    assert set(target.limits) <= set(number_fields())


def test_targets_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_target("cpu").weight_bits = 4


def test_a_users_own_file_works_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ntitle = "Mine"\n[limits]\ndelay_steps_max = { value = 7, source = "me" }\n')
    target = load_target(path)
    assert target.limits == {"delay_steps_max": 7} and target.sources["delay_steps_max"] == "me"
    assert load_target(str(path)) == target


def test_a_users_own_board_and_packing(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + 'chip = "loihi1"\n' + CHIPS + '[limits]\ndelay_steps_max = { value = 7, source = "me" }\n')
    mine, chip = load_target(path), load_target("loihi1")
    assert mine == dataclasses.replace(chip, name="x", title="X", chips=2, delay_steps_max=7)
    assert mine.sources["delay_steps_max"] == "me" and mine.events_label == ""
    path.write_text(HEAD + PACKING + 'index_bits = { value = [0], source = "s" }\n')
    assert load_target(path).packing.published_for == "x" and load_target(path).packing_label == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lohi2", "target 'lohi2' is unknown; did you mean loihi2 or loihi1"),
        ("LOIHI2", "did you mean loihi2"),
        ("zzz", r"target 'zzz' is unknown; known are alia_point, c99, .*, or the path of a \.toml file"),
        ("none.toml", "target file none.toml cannot be read: No such file"),
        ("", "target '' is unknown|cannot be read"),
    ],
)
def test_an_unknown_target_names_the_nearest(name, text):
    with pytest.raises(TargetError, match=text):
        load_target(name)


HEAD = 'name = "x"\ntitle = "X"\n'
CHIPS = 'chips = { value = 2, source = "s" }\n'
PACKING = """[packing]
header_bits = { value = 10, source = "s" }
block_synapses = { value = 64, source = "s" }
word_bits = { value = 64, source = "s" }
tag_bits = { value = 0, source = "s" }
weight_bits = { value = [4, 8], source = "s" }
delay_bits = { value = [0, 6], source = "s" }
"""


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("not toml", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        ('title = "X"', "'name' is None; a text is needed"),
        ('name = 3\ntitle = "X"', "'name' is 3"),
        (HEAD + "colour = 1", "field colour is unknown; known are name, title, chip, chips, simulator, limits"),
        (HEAD + "limits = 3", "'limits' is 3; a table"),
        (
            HEAD + '[limits]\ndelay_step_max = { value = 62, source = "s" }',
            r"field limits\.delay_step_max is unknown; did you mean delay_steps_max\?",
        ),
        (HEAD + "[limits]\ndelay_steps_max = 62", "limits.delay_steps_max is 62; write { value = 62, source ="),
        (HEAD + '[limits]\ndelay_steps_max = { value = 62, source = " " }', "write { value = 62"),
        (HEAD + '[limits]\ndelay_steps_max = { value = 62, sauce = "s" }', "write { value = 62"),
        (HEAD + '[limits]\ndelay_steps_max = { value = 6.5, source = "s" }', "delay_steps_max is 6.5; a whole number"),
        (HEAD + '[limits]\ndelay_steps_max = { value = true, source = "s" }', "delay_steps_max is True; a whole number"),
        (HEAD + '[limits]\ndelay_steps_max = { value = -1, source = "s" }', "delay_steps_max is -1; 0 or more"),
        (
            HEAD + '[limits]\nweight_exp_min = { value = 3, source = "s" }\nweight_exp_max = { value = 2, source = "s" }',
            "weight_exp_min is 3, above weight_exp_max, which is 2",
        ),
        (HEAD + 'chip = "loihi2"', "chip is 'loihi2', chips is missing; write chips = { value = 8"),
        (HEAD + CHIPS + 'chip = "loihi3"', "chip is 'loihi3'; did you mean loihi2"),
        (HEAD + CHIPS + 'chip = "kapoho_bay"', "chip is 'kapoho_bay', a board of loihi1; name the chip"),
        (HEAD + 'chips = { value = 0, source = "s" }', "chips is 0; 1 or more is allowed"),
        (HEAD + '[limits]\nneurons_per_core = { value = 0, source = "s" }', "neurons_per_core is 0; 1 or more is allowed"),
        (HEAD + '[limits]\nstep_ns_min = { value = -1, source = "s" }', "step_ns_min is -1; 0 or more is allowed"),
        (
            HEAD + CHIPS + 'chip = "loihi2"\n[limits]\ncores_per_chip = { value = 3, source = "s" }',
            "usable_cores_per_chip is 120, above cores_per_chip, which is 3; state both",
        ),
        (HEAD + "[process]", r"field process is unknown; did you mean processes\?"),
        (
            HEAD + '[processes]\nneurons = { value = ["cuba"], source = "s" }',
            "processes.neurons is unknown; did you mean neuron_m",
        ),
        (HEAD + '[processes]\nneuron_models = { value = ["cubas"], source = "s" }', "holds 'cubas'; did you mean cuba"),
        (
            HEAD + '[processes]\nlayer_kinds = { value = "conv", source = "s" }',
            r"layer_kinds is 'conv'; a list is allowed, such as",
        ),
        (HEAD + '[processes]\nneuron_models = { value = [], source = "s" }', r"neuron_models is \[\]; a list is allowed"),
        (HEAD + '[processes]\nconv_weights_shared = { value = 1, source = "s" }', "conv_weights_shared is 1; true or false"),
        (HEAD + PACKING, "packing.index_bits is missing; a packing states all of header_bits"),
        (HEAD + PACKING + 'index_bits = { value = [6, 0], source = "s" }', r"index_bits is \[6, 0\]; a rising list"),
        (HEAD + PACKING.replace("value = 64", "value = 0"), "packing.block_synapses is 0; a whole number of 1 or more"),
        (HEAD + PACKING + 'as_on = { value = "loihi1", source = "s" }', "packing.as_on stands beside header_bits"),
        (HEAD + '[packing]\nas_on = { value = "loihi2", source = "s" }', "is 'loihi2', which states no packing of its own"),
        (HEAD + '[events]\nhop_east_wast = { energy_pj = 3, source = "s" }', "did you mean hop_east_west"),
        (HEAD + "[events]\nhop_east_west = 3", "events.hop_east_west is 3; write { energy_pj = 3.0"),
        (HEAD + '[events]\nhop_east_west = { energy_pj = -3, source = "s" }', "energy_pj is -3; a number of 0 or more"),
        (HEAD + '[events]\nhop_east_west = { energy_pj = nan, source = "s" }', "energy_pj is nan; a number of 0 or more"),
        (HEAD + '[events]\nhop_east_west = { energy_uj = 3, source = "s" }', "write { energy_pj = 3.0"),
    ],
)
def test_a_wrong_file_is_named_with_its_field(tmp_path, content, text):
    path = tmp_path / "x.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TargetError, match=text) as caught:
        load_target(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_not_a_target(tmp_path):
    with pytest.raises(TargetError, match="cannot be read"):
        load_target(tmp_path)


def test_no_limit_is_written_twice_in_a_file():
    for path in Path(module.__file__).parent.glob("*.toml"):
        tomllib.loads(path.read_text())  # TOML itself refuses a repeated key


def test_a_target_of_nothing_known():
    assert Target("bare", "Bare").unknown == known_fields()
