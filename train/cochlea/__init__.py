"""The inner ear: sound to spikes as in the Spiking Heidelberg Digits; `encode_wave` for one sound, `encode_folder` for many."""

from train.cochlea.encode import encode_wave, prepare
from train.cochlea.folder import encode_folder
from train.cochlea.wav import read_wav

__all__ = ["encode_folder", "encode_wave", "prepare", "read_wav"]
