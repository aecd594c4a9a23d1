"""Compare runs: what differs in their settings and images, and in the accuracy of matched cells.

groups    runs; repeats of one configuration belong together
settings  what differs between them
merge     all cells of all runs on one set of test groups
matched   the differences, with intervals
page      the page, the text and the tables
"""
