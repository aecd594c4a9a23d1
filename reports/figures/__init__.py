"""Figures as small inline SVG and WebP: no plotting library, no fonts, no scripts."""
