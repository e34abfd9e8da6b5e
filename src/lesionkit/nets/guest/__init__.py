"""Networks that others trained, in their own files: what a file says, and the network built from it."""
