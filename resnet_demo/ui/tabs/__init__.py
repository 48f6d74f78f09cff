"""The tabs of the page: layout and wiring, no arithmetic."""
