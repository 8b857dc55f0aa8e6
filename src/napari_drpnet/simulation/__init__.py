"""Simulated micrographs: structures, projections, optics, camera, and the exact truth."""

from napari_drpnet.simulation.micrograph import Simulated, simulate_one

__all__ = ["Simulated", "simulate_one"]
