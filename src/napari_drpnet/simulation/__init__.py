"""Simulated micrographs: structures, projections, optics, camera, and the exact truth."""

from napari_drpnet.simulation.micrograph import simulate, simulate_one

__all__ = ["simulate", "simulate_one"]
