"""Render the lines of `vpp bench optimizer --json` as the Markdown table of docs/benchmarks.md.

vpp bench optimizer --json > rows.jsonl && python scripts/bench_table.py rows.jsonl
"""

import sys
from pathlib import Path

from optimizer.bench import Figure, markdown_table


def main() -> None:
    lines = [line for name in sys.argv[1:] for line in Path(name).read_text(encoding="utf-8").splitlines()]
    print(markdown_table(Figure.from_line(line) for line in lines if line.strip()))


if __name__ == "__main__":
    main()
