"""How the readings of a simulated machine hang together: heat, power, clocks, tokens, caches, queues.

Each module is one law. What changes from second to second is in small mutable objects, because a day of a
fleet is a million seconds; nothing here reads a clock or draws a random number.
"""
