// What a user of @clickhouse/client does; prints one JSON object of what it saw.
import { createClient, ClickHouseLogLevel } from '@clickhouse/client'

const [url, database] = process.argv.slice(2)
const client = createClient({
  url,
  database,
  session_id: 'node-client',
  compression: { request: true, response: true },
  log: { level: ClickHouseLogLevel.OFF },
})
const seen = {}
seen.ping = (await client.ping()).success
await client.command({ query: 'CREATE TABLE t (id UInt32, name String) ENGINE = MergeTree ORDER BY id' })
const inserted = await client.insert({ table: 't', values: [{ id: 1, name: 'a' }, { id: 2, name: 'ü' }], format: 'JSONEachRow' })
seen.written = inserted.summary.written_rows
const found = await client.query({ query: 'SELECT * FROM t WHERE id > {low: UInt32}', query_params: { low: 1 }, format: 'JSONEachRow' })
seen.rows = await found.json()
seen.streamed = 0
const many = await client.query({ query: 'SELECT number FROM numbers(500000)', format: 'JSONCompactEachRow' })
for await (const rows of many.stream()) seen.streamed += rows.length
await client.command({ query: 'CREATE TEMPORARY TABLE mine (x Int32)' })
await client.insert({ table: 'mine', values: [[5]], format: 'JSONCompactEachRow' })
seen.temporary = (await (await client.query({ query: 'SELECT sum(x) AS s FROM mine', format: 'JSON' })).json()).data
try {
  await client.query({ query: 'SELECT * FROM nowhere' })
} catch (error) {
  seen.error = [error.code, error.type]
}
const abort = new AbortController()
const never = client.query({ query: 'SELECT count() FROM numbers(1e18) WHERE rand() = 1', abort_signal: abort.signal })
setTimeout(() => abort.abort(), 200)
try {
  await never
} catch (error) {
  seen.aborted = error.message
}
await client.close()
console.log(JSON.stringify(seen))
