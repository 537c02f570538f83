"""A node installs without the service: grpcio, protobuf, numpy and nothing else."""

import subprocess
import sys

PROBE = """
import sys
standard = set(sys.stdlib_module_names)
by_grpc = {'grpc_health', 'grpc_reflection', 'grpc_tools', 'grpc_status'}  # grpc imports them where they are
before = set(sys.modules)  # what the interpreter's own start brought along
import vpp.node.agent, vpp.node.fleet, vpp.node.files, vpp.node.simulation, vpp.node.__main__
roots = {name.partition('.')[0] for name in set(sys.modules) - before}
print(sorted(roots - standard - {'vpp', 'grpc', 'google', 'numpy', 'typing_extensions'} - by_grpc))
rooms = {name.split('.')[1] for name in sys.modules if name.startswith('vpp.')}
print(sorted(rooms - {'node', 'physics', 'rpcgen'}))
"""


def test_the_node_imports_nothing_of_the_service():
    shown = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True)
    foreign, rooms = shown.stdout.splitlines()
    assert [name for name in eval(foreign) if not name.startswith(("_", "cython"))] == []
    assert eval(rooms) == []


def test_help_shows_an_example():
    shown = subprocess.run(
        [sys.executable, "-m", "vpp.node", "run", "--help"], check=True, capture_output=True, text=True
    )
    assert "Example: vpp-node run" in shown.stdout
