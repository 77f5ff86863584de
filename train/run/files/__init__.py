"""Files of a run folder: the record, checkpoints, metrics; and what a run is resumed from."""
