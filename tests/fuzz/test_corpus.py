"""Files that readers failed on: each is refused in one message, or read, in bounded time and memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fuzz_readers import READERS, make_inputs
from fuzz_run import MOST_MB, Worker
from fuzz_worker import overlaid

pytestmark = pytest.mark.subprocess
CORPUS = Path(__file__).with_name("corpus")
#: Case -> a part of its message; None if it is read.
EXPECTED = {
    "netx/chunk_of_1_GB.net": "'weight' has chunks of shape (16384, 16384), 268435456 values; a file may hold 33554432 in all",
    "netx/one_weight_in_every_layer.net": "if the file is what it should be, allow more with MYELIN_MAX_NETWORK_VALUES=",
    "netx/heaps_in_heaps.net": "have no end; copy or download it again",
    "netx/unknown_kind_of_text.net": "layer/1 (dense): 'type' has a damaged type; copy or download the file again",
    "nir/unknown_kind_of_text.nir": "'/node/nodes/input/type' has a damaged type; copy or download the file again",
    "nir/two_names_for_every_group.nir": "the file has more than 20000 groups and data sets; if the file is what it should be",
    "nir/bomb.nir": "(8, 33554432), 268435456 values; a file may hold 33554432 in all",
    "shd/labels_in_a_chunk_of_1_GB.h5": "labels has",
    "shd/names_of_10_GB.h5": "extra/keys has",
    "shd/rows_share_one_list.h5": "its rows hold more than the file",
    "shd/unknown_kind_of_rows.h5": "spikes/times has a damaged type; copy or download the file again",
    "shd/ten_million_names.h5": "extra/keys names 10000000 classes; at most 100000 are allowed",
    "packed/bomb.h5.xz": "and unpacks to more than 32 MB, beyond 100 times its size",
    "npz/bomb.npz": "MYELIN_MAX_RATIO",
    "npz/unfinished_header.npz": "x has a damaged header",
    "state/bomb.npz": "holds no state of a simulator",
    "idx/bomb": "and unpacks to more than 32 MB, beyond 100 times its size",
    "mat/bomb.mat": "and unpacks to more than 32 MB, beyond 100 times its size",
    "mat/sixteen_million_classes.mat": "names 16777216 classes; at most 100000 are allowed",
    "mat/type_of_values.mat": "cannot be read as .mat (",
    "cache/unfinished_header": "labels.npy has a damaged header); delete that folder",
    "artifact/nan_in_golden": "the output of golden.npz holds fractions, NaN or infinite values; whole numbers are expected",
    "artifact/complex_golden": "spikes of golden.npz has dtype complex128; whole numbers are expected",
    "artifact/ten_million_steps": "golden.npz has shape",
    "artifact/unknown_compression": "golden.npz cannot be read: That compression method is not supported; export the artifact",
    "wav/no_channels": "it has 0 channels",
    "wav/no_rate": "0 samples a second",
    "wav/declares_4_GB": "ends before the length its header gives (1600 of 4294967295 bytes are there)",
    "wav/an_hour": "sound lasts 4000 s, allowed is up to 60 s: cut it",
    "wav/float": None,
    "wav/24_bit": None,
    "wav/extensible": None,
    "wav/compressed": "cannot be read as a WAV file",
    "wav/nan": "800 samples of the sound are NaN or infinite",
    "config/deep.toml": "tables or lists are nested more than 50 deep",
    "config/hexadecimal_integer.toml": "is an integer of more than 63 bits",
    "config/name_of_the_target.toml": "is unknown; known are",
    "config/decay_of_1e308.toml": "loihi2 holds 0..4095/4096",
    "sweep/many_runs.toml": "it has 1,000,000 runs",
}


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """``case(name)``: how the case of the corpus ends."""
    folder = tmp_path_factory.mktemp("corpus")
    worker = Worker(folder / "inputs", folder / "work")

    def ends(name):
        reader, what = name.split("/")
        make_inputs(folder / "inputs", [reader])
        source, place = CORPUS / name, folder / "cases" / reader
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        if source.is_dir():
            sound = sorted((folder / "inputs" / reader / "inputs").iterdir(), reverse=True)
            names = {file.name for file in source.iterdir()}
            like = next(one for one in sound if names <= {file.name for file in one.rglob("*")})
            path = overlaid(reader, like, source, place / what)
        else:
            path = place / what
            shutil.copy(source, path)
        return worker.case(reader=reader, path=str(path))

    yield ends
    worker.stop()


def test_every_file_is_tested():
    assert EXPECTED.keys() == {f"{path.parent.name}/{path.name}" for path in CORPUS.glob("*/*")}
    assert {name.split("/")[0] for name in EXPECTED} <= READERS.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_that_a_reader_failed_on(case, name):
    told, said = case(name), EXPECTED[name]
    assert told["outcome"] == ("read" if said is None else "refused"), told
    assert (said or "") in told["message"]
    assert told["peak_mb"] < MOST_MB
