"""Plots as SVG strings."""
