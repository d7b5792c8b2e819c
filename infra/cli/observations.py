"""``penstock observations``: what is wrong with nodes, and what you do about it."""

from infra.cli.asking.finding_commands import commands

app = commands("observations", "pattern", "List what is wrong with nodes; acknowledge, dismiss, resolve.")
