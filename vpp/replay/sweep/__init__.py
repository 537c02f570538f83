"""One scenario replayed under many settings, seeds and forecasters, on all cores, as one table."""
