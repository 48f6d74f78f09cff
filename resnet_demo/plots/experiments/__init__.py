"""Results of the experiments on residual learning as figures: pictures and small tables with captions, in HTML."""
