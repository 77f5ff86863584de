"""The colours of the page are those of the pictures."""

from __future__ import annotations

import re

from myelin.hw_configs import figures
from myelin.report.style import CSS


def test_page_and_pictures_have_one_palette():
    light = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", CSS.partition("@media")[0]))
    for place, colour in enumerate(figures.SERIES):
        (name,) = re.findall(rf"\.fill\.series{place}[,{{][^}}]*?var\(--(\w+)\)", CSS)
        assert light[name] == colour.lower()
        assert f".key.series{place}" in CSS


def test_stages_have_the_colours_of_the_pictures():
    light = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", CSS.partition("@media")[0]))
    stages = {
        "blue": figures.FLOAT_STAGE, "grey": figures.ALONE_STAGE, "green": figures.CUMULATED_STAGE,
        "orange": figures.INTEGER_STAGE,
    }  # fmt: skip
    assert {name: light[name] for name in stages} == {name: colour.lower() for name, colour in stages.items()}
