"""The whole of Penstock on one machine: which parts, in which order, on which ports, and what people see."""
