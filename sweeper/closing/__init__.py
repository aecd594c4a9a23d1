"""What the terminal shows once a run has ended: its result, and what to know of it."""
