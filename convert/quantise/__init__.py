"""From floats to integers: ``rounding.py`` rounds to the nearest, ``calibrate.py`` makes good what rounding loses."""
