"""Processes that carry out long work, and whose turn it is."""
