"""What goes wrong: each kind of fault changes a physical or operational cause, and the readings follow."""
