"""Checks of attribution maps: whether they depend on the weights, follow the score, and are stable.

similarity     how alike two maps are
randomisation  networks whose weights are shuffled, from the output to the input
faithfulness   deletion, insertion and infidelity, and the maps to compare with
sensitivity    how much a map changes with the image
"""

MAP_CHECKS_VERSION = 1
MAX_STEPS = 32  # of Integrated Gradients, for all maps that are compared
