"""What fits, what survives and when it is full: pure functions over one picture of a fleet."""
