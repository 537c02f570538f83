"""Options that many commands share, and that need nothing of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option(help="Settings, a TOML file.")]
DEFAULT_CONFIG = Path("config/default.toml")
