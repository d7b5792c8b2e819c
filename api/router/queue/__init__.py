"""The queue of the router: who may go next. Pure: it does no I/O, and the time is handed in.

``core.Queue`` is what the shell around it calls; the other modules are its parts, one thing in each:

    ticket     a request's place, and why it waits
    limits     what operators set: pools, models, keys, aging
    capacity   how many requests each upstream serves at once, and how many it has
    cost       what a request takes of its pool's budget, by the size of its prompt
    line       the tickets of one key for one model at one priority, first come first served
    band       the keys of one priority in one pool, fair by tokens
    pool       what a group of models shares: budget, exclusivity, the reservation
    account    what one key has in flight and may still use
    deadlines  whose patience ends next
    snapshot   what there is to see

Every time is in seconds, as a float, of any one clock that never goes back.
"""
