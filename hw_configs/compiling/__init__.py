"""What compiled loops need: a folder for numba's cache, one line while it compiles, loops for fixed values."""
