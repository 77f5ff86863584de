"""Hardware targets as data, the ranges of the fixed-point model, and the errors users see.  Imports nothing of ours."""
