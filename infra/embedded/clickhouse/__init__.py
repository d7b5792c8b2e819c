"""The embedded store: ClickHouse as a library (chDB) behind ClickHouse's own HTTP interface.

One process of its own; every other part knows a ClickHouse URL and nothing more. What runs where:

    app          routes, who is calling, which of three ways a statement takes
    query        what one request asks for: text, settings, parameters, access, session
    lexer        tokens of ClickHouse's SQL
    statement    the one statement: its verb, its format, where its data begins
    body         the request's bytes, decompressed as they arrive
    execution    rows through a pipe, insertions in constant memory, everything else at once
    answer       headers, summary, compression, errors before and after the first byte
    store        leases: a slot, a fresh handle, the promise that a cancelled query ends
    engine       the only module that knows chdb
"""
