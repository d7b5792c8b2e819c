"""Where a request goes: signals, one in each file, that say what a place would cost; and the choice. Pure.

A signal gives seconds, as a linear function of the tokens of a request. So signals are asked when something
is known anew of a place, and a request costs one multiplication and addition for each place.
"""
