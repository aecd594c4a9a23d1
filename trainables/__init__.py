"""Image shards -> activation tables -> trained trials -> explanations. Knows `datasets`."""
