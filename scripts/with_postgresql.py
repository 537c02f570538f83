"""Run a command with a PostgreSQL from the wheel; {database} in it becomes the URL of an empty database.

    python scripts/with_postgresql.py vpp bench gateway --rows durable --database '{database}'

The server syncs its commits to disk, and is gone with its files afterwards. Needs the development packages.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.postgresql import running_postgresql


def main() -> int:
    """Return the exit code of the command."""
    if not sys.argv[1:]:
        print(__doc__)
        return 2
    with running_postgresql(survives_power_failure=True) as server:
        url = asyncio.run(server.create_database("bench"))
        return subprocess.run([part.format(database=url) for part in sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
