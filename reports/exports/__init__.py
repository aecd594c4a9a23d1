"""Export a run's report for a paper: tables as CSV and LaTeX, figures as SVG and PNG."""
