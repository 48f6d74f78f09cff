"""The networks, their weights, and what is known about them."""
