"""The agent beside a battery or charger: leased setpoints, local safety, buffered readings.

It needs grpcio, protobuf and numpy only, so that it fits a small computer.

    vpp.node.device      DevicePort: what a device vendor implements
    vpp.node.agent       NodeAgent: one node, its devices, its session, its leases
    vpp.node.fleet       run_nodes: many agents in one process
    vpp.node.guard       LocalLimits: what no order can lift
    vpp.node.journal     DiskBuffer: readings that survive a restart
    vpp.node.enrolment   a certificate from a token, and the next one
    vpp.node.testing     FakeService: a service that a vendor's test directs
    vpp.node.simulated   batteries, EV chargers, PV and feeder meters without hardware
"""
