"""Run `python -m vpp.cli`, the same as `vpp`."""

from vpp.cli.main import main

main()
