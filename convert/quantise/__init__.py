"""From floats to integers: ``rounding.py`` rounds to nearest, ``calibrate.py`` reduces the loss on calibration samples."""
