"""Images from an archive, and results back to it: a receiver, a queue on disk, and senders."""
