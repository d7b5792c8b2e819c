"""What people's SQL may name: statements, databases, system tables and table functions."""

from dataclasses import dataclass

# Shapes and names of things: none of them shows what users do, settings, or the network.
SYSTEM_TABLES = frozenset({
    "aggregate_function_combinators", "columns", "data_type_families", "databases", "formats", "functions",
    "numbers", "numbers_mt", "one", "table_functions", "tables", "time_zones",
})  # fmt: skip

INFORMATION_SCHEMAS = frozenset({"information_schema", "INFORMATION_SCHEMA"})

# They make rows from their arguments. What reads a file, an address, another server, the process, a
# dictionary or tables named in a text (merge, loop, remote, viewExplain, ...) is left out.
TABLE_FUNCTIONS = frozenset({
    "generate_series", "generateseries", "numbers", "numbers_mt", "primes", "values", "view", "zeros",
    "zeros_mt",
})  # fmt: skip

# Views of ours that take arguments; the engine lists them as table functions.
PARAMETERIZED_VIEWS = frozenset({
    "alerts_as_of", "node_state_as_known", "node_state_as_of", "observations_as_of",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Engine:
    """Names that the engine knows now: they tell a column from a function or a database of the same name."""

    functions: frozenset[str]
    databases: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """The database of Penstock's tables, and what the engine knows besides."""

    database: str
    engine: Engine

    def allows_database(self, name: str) -> bool:
        """Tell whether every table of the database may be read."""
        return name == self.database or name in INFORMATION_SCHEMAS

    def allows_table(self, database: str, table: str) -> bool:
        """Tell whether the table may be read; an empty database means Penstock's own."""
        if database == "system":
            return table in SYSTEM_TABLES
        return not database or self.allows_database(database)

    def is_foreign(self, database: str) -> bool:
        """Tell whether a name is that of a database which may not be read in full."""
        if self.allows_database(database):
            return False
        return database.lower() == "system" or database in self.engine.databases
