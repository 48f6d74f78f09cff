"""The page's server: queue, time limits, sessions, disk and memory."""
