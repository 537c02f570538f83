"""What devices do, as pure columns: one physics for replays and for the devices that nodes simulate.

    vpp.physics.storage   power within ratings, stored energy, its books
    vpp.physics.stays     vehicles that arrive, leave and drive
    vpp.physics.devices   batteries and vehicles through time
    vpp.physics.ageing    temperature, and what time and cycles take of a life
    vpp.physics.derating  power over temperature
    vpp.physics.sun       PV that gives what the sun allows, or less
    vpp.physics.meters    noise of what is measured

Powers are measured at the AC terminals in kW, positive discharges; energies in kWh; times in microseconds
since 1970, UTC. It needs numpy alone, since a node installs with it.
"""
