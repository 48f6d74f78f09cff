"""Training a network: its settings, its steps, and the folder that a run leaves."""
