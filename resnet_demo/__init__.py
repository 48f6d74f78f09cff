"""See, use, teach and own a ResNet."""

__version__ = "0.1.0"
