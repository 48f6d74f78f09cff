"""Experiments on residual learning: each file measures one thing, and what it returns is ready for JSON."""
