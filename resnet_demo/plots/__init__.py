"""Numbers drawn: SVG strings for the page and for cards."""
