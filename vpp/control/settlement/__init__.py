"""After an event: what it is counted from, what was delivered, who is paid what. Pure."""
