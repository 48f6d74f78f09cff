"""Security of the page: requests, files, stored data and visitor limits."""
