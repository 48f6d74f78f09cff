"""Interpretability: saliency maps, feature maps, residuals, gradient flow and ablation."""
