"""A simulated fleet behind the port of the nodes' connections."""

from vpp.adapters.sim.faults import Faults
from vpp.adapters.sim.fleet import SimulatedFleet

__all__ = ["Faults", "SimulatedFleet"]
