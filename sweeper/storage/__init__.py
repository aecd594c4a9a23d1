"""What the store is built of: addresses, refusals, file hashes, commits, what is set aside."""
