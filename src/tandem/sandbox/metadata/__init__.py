"""What the organisation says of its own tables and columns."""
