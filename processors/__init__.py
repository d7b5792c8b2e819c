"""Facts become knowledge: pure stages, and the shell that runs them."""
