"""A run's report as files to put into a paper: tables as CSV and LaTeX, figures as SVG and PNG."""
