"""Looking inside a network: what its channels see, what its blocks add, and where it looked."""
