"""The agent beside a battery or charger: leased setpoints, local safety, buffered readings.

It needs grpcio, protobuf and numpy only, so that it fits a small computer.

    vpp.node.device      DevicePort: what a device vendor implements
    vpp.node.agent       NodeAgent: one node, its devices, its session, its leases
    vpp.node.fleet       run_nodes: many agents in one process
    vpp.node.simulated   batteries, EV chargers and feeder meters without hardware
"""
