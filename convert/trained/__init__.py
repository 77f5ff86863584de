"""The parameters of a trained run, with the values that training used; ``layers`` is the way in."""
