"""The Learn tab: residual learning, measured."""
