"""A simulated fleet behind the port of the nodes' connections."""

from vpp.adapters.sim.fleet import SimulatedFleet
from vpp.adapters.sim.physics import EnergyBooks, Faults, Stays

__all__ = ["EnergyBooks", "Faults", "SimulatedFleet", "Stays"]
