"""``penstock alerts``: what is wrong in fleets, and what you do about it."""

from infra.cli.asking.finding_commands import commands

app = commands("alerts", "alert", "List what is wrong in fleets; acknowledge, dismiss, resolve.")
