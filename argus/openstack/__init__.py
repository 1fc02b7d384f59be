"""The clouds that Argus reads: one adapter, which answers with a value or with the named reason for none."""
