"""The page in the browser; the only part that knows gradio, and free of torch."""
