"""The way back: what is sent to Dynamics, and what its answers teach."""
