"""What ``penstock bench`` measures: one file for each table, with a function ``run() -> Table``.

What is compared is measured in one run, side by side. A benchmark starts what it needs itself, on free ports
and in temporary folders, and leaves nothing behind.
"""
