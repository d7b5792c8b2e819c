"""The node agent: sensors and runtimes of one machine, once a second, as facts."""
