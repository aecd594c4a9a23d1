"""The versions of this package's computations that are part of keys: raise one when the same inputs
come to give other results. They are here so that a plan knows them without importing torch.
"""

BACKBONES_VERSION = 1  # of `backbones`: networks, cuts and weights
HEAD_VERSION = 1  # of `heads`
LOOP_VERSION = 2  # of `loop`: the training
PROBES_VERSION = 1  # of `probes`
STREAM_VERSION = 1  # of `stream`: rows of training end to end
EXPLAIN_VERSION = 4  # of `explain`
