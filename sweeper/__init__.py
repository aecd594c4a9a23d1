"""Plan and run sweeps. Imports all other packages; none imports it."""
