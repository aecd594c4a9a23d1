"""A sweep that is killed again and again, at random moments of every stage, and ends all the same.

    python -m tests.chaos --kills 40 --seed 1

See `docs/explanation/reliability.md` for what it shows. Linux only.
"""
