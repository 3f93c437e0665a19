"""Parts of networks: each in one file, small enough to read at once, to be put together in a sentence."""
