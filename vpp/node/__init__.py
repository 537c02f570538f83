"""The agent beside a battery or charger: leased setpoints, local safety, buffered readings.

It needs grpcio, protobuf and numpy only, so that it fits a small computer. Import from here:

    NodeAgent        one node: its devices, its session, its leases
    DevicePort       what a device vendor implements
    run_nodes        many agents in one process
"""
