"""The node and its guests against the tuning that was agreed on: facts, a profile, checks between them."""
