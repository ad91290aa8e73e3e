"""Writing: bodies, references and the rules that hold for each row that is made, changed or deleted."""
