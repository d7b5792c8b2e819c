"""Facts of requests: what happens to each, from received to its one end, told to Kafka.

``moments`` are what the serving path hands over, at the cost of an append. ``lives`` makes facts of them,
``journal`` writes them down, ``scribe`` does both in a task of its own and hands them to the emitter.
"""
