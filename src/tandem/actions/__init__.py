"""What somebody asks for by name, carried out at once (behaviour section 5)."""
