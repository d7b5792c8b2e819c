"""The ``penstock`` command: one file for each sub-command.

``infra/cli/<name>.py`` holds ``app``, a ``typer.Typer`` with one command, or with several where the command
has sub-commands, and is listed in ``infra.cli.main.COMMANDS``. It is imported when it is run and not before;
what is slow to import is imported inside the command's function. Settings come from ``context.settings``,
long-running parts run under ``service.run``.
"""
