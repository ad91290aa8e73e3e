"""The organisation on the wire: the server, its tokens, batches and bad days."""
