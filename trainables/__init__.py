"""Image shards -> activation tables -> trained trials -> explanations. Imports `datasets` only."""
