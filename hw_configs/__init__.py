"""Hardware targets as data, the ranges of the fixed-point model, and user-facing errors.  Imports no other package of ours."""
