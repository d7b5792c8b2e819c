"""What an agent reads of a simulated machine: as often, as exactly and as incompletely as of a real one."""
