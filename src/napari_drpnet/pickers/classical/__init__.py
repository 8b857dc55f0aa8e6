"""Pickers without a network: Laplacian of Gaussian, and template matching."""
