"""The questions a client asks beside rows and definitions."""
