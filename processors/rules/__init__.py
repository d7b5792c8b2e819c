"""Rules people make: what they are about, whether it holds, and whom that is to be told."""
