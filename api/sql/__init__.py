"""Ad-hoc SQL for people: judged by the engine's own parser, run read-only within limits."""
