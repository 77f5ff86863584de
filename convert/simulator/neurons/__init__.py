"""Neurons in the simulator, one file each: their loops as stages.  ``reference.py`` serves those without a loop.

``myelin.convert.simulator.prepare`` says which stage stands for which neuron.
"""
