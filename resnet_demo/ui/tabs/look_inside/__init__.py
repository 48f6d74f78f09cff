"""The Look inside tab."""
