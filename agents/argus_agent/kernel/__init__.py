"""What the kernel says, read from files under roots that are passed in; parsers here are pure."""
