"""Documents that are generated from the code: ``python -m infra.docs`` writes them, a test compares them."""
