"""Background jobs: a queue of runs and the worker processes that execute them."""
