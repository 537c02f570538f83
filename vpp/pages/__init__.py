"""Pages that are one file each: no network, no script, light and dark, wide and narrow, on paper."""
