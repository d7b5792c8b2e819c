# ruff: noqa: E501 - one query a line, whatever its length
"""Queries that analysts write: every one must pass and run.

``samples`` has node_id, at, gpu (index), power_w, tags (Map), temps (Array), j (JSON text).
"""

QUERIES = """
SELECT 1
select 1;
SELECT count() FROM samples
SELECT * FROM samples LIMIT 10
SELECT * FROM @DB@.samples LIMIT 10
SELECT node_id, avg(power_w) AS power FROM samples GROUP BY node_id ORDER BY power DESC
SELECT node_id, quantile(0.5)(power_w), quantiles(0.9, 0.99)(power_w), median(power_w) FROM samples GROUP BY node_id
SELECT quantileTDigest(0.95)(power_w), quantileExactWeighted(0.5)(power_w, gpu) FROM samples
SELECT countIf(power_w > 100), sumIf(power_w, gpu = 0), avgOrNullIf(power_w, 0) FROM samples
SELECT uniq(node_id), uniqExact(node_id), uniqCombined(12)(node_id), uniqHLL12(node_id) FROM samples
SELECT argMax(power_w, at), argMin(power_w, at), anyLast(node_id), any(gpu) FROM samples
SELECT topK(3)(node_id), groupArray(2)(node_id), groupUniqArray(node_id), groupArraySorted(2)(gpu) FROM samples
SELECT sumMap(map('a', gpu)), sumMerge(s) FROM (SELECT gpu, sumState(power_w) AS s FROM samples GROUP BY gpu) GROUP BY gpu
SELECT stddevPop(power_w), varSamp(power_w), corr(power_w, gpu), covarPop(power_w, gpu), skewPop(power_w) FROM samples
SELECT histogram(5)(power_w), entropy(gpu), simpleLinearRegression(gpu, power_w) FROM samples
SELECT toStartOfMinute(at) AS minute, max(power_w) FROM samples GROUP BY minute ORDER BY minute
SELECT toStartOfInterval(at, INTERVAL 10 SECOND) AS t, count() FROM samples GROUP BY t ORDER BY t WITH FILL STEP INTERVAL 10 SECOND
SELECT number AS n, n * 2 AS b FROM numbers(3) ORDER BY n WITH FILL FROM 0 TO 6 STEP 1 INTERPOLATE (b AS b + 1)
SELECT node_id, power_w - lagInFrame(power_w) OVER (PARTITION BY node_id ORDER BY at) AS d FROM samples
SELECT node_id, row_number() OVER w, rank() OVER w, dense_rank() OVER w FROM samples WINDOW w AS (PARTITION BY node_id ORDER BY at)
SELECT avg(power_w) OVER (ORDER BY at ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM samples
SELECT sum(power_w) OVER (PARTITION BY node_id ORDER BY toUnixTimestamp(at) RANGE BETWEEN 10 PRECEDING AND UNBOUNDED FOLLOWING) FROM samples
SELECT first_value(power_w) OVER (ORDER BY at), last_value(power_w) OVER (ORDER BY at), nth_value(power_w, 2) OVER (ORDER BY at) FROM samples
SELECT a.node_id, a.power_w, b.power_w FROM samples AS a ASOF JOIN samples AS b ON a.node_id = b.node_id AND a.at >= b.at
SELECT a.node_id FROM samples AS a INNER JOIN samples AS b USING (node_id)
SELECT a.node_id FROM samples AS a LEFT JOIN samples AS b ON a.node_id = b.node_id AND a.gpu = b.gpu WHERE b.gpu IS NOT NULL
SELECT node_id FROM samples AS a LEFT ANTI JOIN (SELECT 'x' AS node_id) AS b USING node_id
SELECT node_id FROM samples SEMI LEFT JOIN (SELECT 'n1' AS node_id) AS b USING node_id
SELECT node_id, at, power_w FROM samples ORDER BY at DESC LIMIT 1 BY node_id
SELECT DISTINCT node_id FROM samples
SELECT DISTINCT ON (node_id) node_id, at FROM samples ORDER BY node_id, at DESC
SELECT node_id FROM samples LIMIT 3 OFFSET 1
SELECT node_id FROM samples ORDER BY node_id LIMIT 1 WITH TIES
SELECT node_id, gpu, sum(power_w) FROM samples GROUP BY node_id, gpu WITH ROLLUP
SELECT node_id, gpu, sum(power_w) FROM samples GROUP BY GROUPING SETS ((node_id), (gpu))
SELECT node_id, grouping(node_id), sum(power_w) FROM samples GROUP BY CUBE(node_id)
SELECT node_id, sum(power_w) FROM samples GROUP BY node_id WITH TOTALS
SELECT node_id, count() FROM samples GROUP BY ALL HAVING count() > 1 ORDER BY ALL
SELECT node_id, row_number() OVER (PARTITION BY node_id ORDER BY at DESC) AS r FROM samples QUALIFY r = 1
SELECT arrayMap(x -> x * 2, temps), arraySum(temps), arrayMax(temps), length(temps), temps[1] FROM samples
SELECT arrayFilter(x -> x > 40, temps), arrayExists(x -> x > 90, temps), arraySort(x -> -x, temps), arrayReverse(temps) FROM samples
SELECT arrayZip(range(3), [1, 2, 3]), arrayEnumerate([5, 6]), arrayReduce('avg', temps), arrayFold((a, x) -> a + x, temps, 0.) FROM samples
SELECT arrayAvg(temps), arrayCumSum(temps), arrayDifference(temps), arrayDistinct(temps), has(temps, 40.), indexOf(temps, 40.) FROM samples
SELECT arrayMap(toString, [1, 2])
SELECT node_id, t FROM samples ARRAY JOIN temps AS t
SELECT node_id, t, i FROM samples LEFT ARRAY JOIN temps AS t, arrayEnumerate(temps) AS i
SELECT arrayJoin(temps) FROM samples
SELECT tags['rack'], mapKeys(tags), mapValues(tags), mapContains(tags, 'rack') FROM samples
SELECT mapFilter((k, v) -> k = 'rack', tags), mapApply((k, v) -> (upper(k), v), tags) FROM samples
SELECT JSONExtractString(j, 'model'), JSONExtractInt(j, 'tokens'), JSONExtract(j, 'tokens', 'Nullable(UInt64)'), JSONHas(j, 'model') FROM samples
SELECT simpleJSONExtractInt(j, 'tokens'), JSON_VALUE(j, '$.model'), JSONLength(j), JSONExtractKeys(j) FROM samples
SELECT toDate(at), toHour(at), toDayOfWeek(at), toStartOfDay(at), toYYYYMM(at), formatDateTime(at, '%Y-%m-%d %H:%i:%S') FROM samples
SELECT dateDiff('second', min(at), max(at)), now() - INTERVAL 1 HOUR, today() - 1, date_trunc('hour', max(at)) FROM samples
SELECT toDateTime('2026-01-01 00:00:00', 'UTC') + INTERVAL 1 DAY, DATE '2026-01-01', EXTRACT(YEAR FROM toDate('2026-01-01')), toTimeZone(now(), 'Europe/Berlin')
SELECT parseDateTimeBestEffort('2026-01-01T00:00:00Z'), toUnixTimestamp64Milli(toDateTime64('2026-01-01 00:00:00', 3)), fromUnixTimestamp64Milli(1700000000000)
SELECT count() FROM samples WHERE at >= now() - INTERVAL 1 DAY AND node_id IN ('n1', 'n2')
SELECT count() FROM samples WHERE at BETWEEN '2026-01-01 00:00:00' AND '2026-01-02 00:00:00'
SELECT count() FROM samples WHERE node_id IN (SELECT node_id FROM samples WHERE power_w > 100)
SELECT count() FROM samples WHERE (node_id, gpu) IN (('n1', 0), ('n2', 1))
SELECT count() FROM samples WHERE EXISTS (SELECT 1 FROM samples)
SELECT count() FROM samples WHERE power_w > (SELECT avg(power_w) FROM samples)
SELECT count() FROM samples WHERE node_id LIKE 'n%' AND node_id NOT ILIKE 'X%' AND match(node_id, '^n[0-9]')
SELECT count() FROM samples PREWHERE gpu = 0 WHERE power_w IS NOT NULL
SELECT count() FROM samples SAMPLE 1 / 2
SELECT * FROM samples FINAL LIMIT 1
WITH hot AS (SELECT node_id FROM samples WHERE power_w > 100) SELECT count() FROM hot
WITH 100 AS bound SELECT count() FROM samples WHERE power_w > bound
WITH (SELECT avg(power_w) FROM samples) AS mean SELECT node_id, power_w / mean FROM samples
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT sum(n) FROM r
SELECT node_id FROM samples UNION ALL SELECT 'x' UNION DISTINCT SELECT 'y'
(SELECT 1) EXCEPT (SELECT 2)
SELECT 1 INTERSECT SELECT 1
SELECT CASE WHEN power_w > 100 THEN 'hot' WHEN power_w > 50 THEN 'warm' ELSE 'cold' END FROM samples
SELECT CASE gpu WHEN 0 THEN 'first' ELSE 'other' END, if(gpu = 0, 1, 2), gpu ? 1 : 2, multiIf(gpu = 0, 1, 2) FROM samples
SELECT coalesce(NULL, 1), ifNull(NULL, 2), nullIf(1, 1), assumeNotNull(toNullable(1)), isNaN(nan), ifNotFinite(inf, 0)
SELECT CAST(gpu AS String), gpu::Float64, toInt32OrNull('x'), accurateCastOrNull(300, 'UInt8'), CAST(1, 'Nullable(Decimal(10, 2))') FROM samples
SELECT round(power_w, 1), floor(power_w), exp(1), log2(8), pow(2, 3), sqrt(4), abs(-1), greatest(1, 2), least(1, 2), intDiv(7, 2), 7 % 2 FROM samples
SELECT concat(node_id, '-', toString(gpu)), node_id || 'x', upper(node_id), substring(node_id, 1, 1), splitByChar('n', node_id), trim(node_id), lengthUTF8(node_id) FROM samples
SELECT replaceRegexpOne(node_id, 'n', 'm'), extract(node_id, '[0-9]+'), position(node_id, '1'), startsWith(node_id, 'n'), format('{}-{}', node_id, 'a') FROM samples
SELECT formatReadableSize(123456789), formatReadableQuantity(1e9), formatReadableTimeDelta(3600), bar(power_w, 0, 700, 10) FROM samples
SELECT sparkbar(9)(gpu, toUInt32(power_w)) FROM samples
SELECT * EXCEPT (tags, temps, j) FROM samples LIMIT 1
SELECT * REPLACE (power_w / 1000 AS power_w) FROM samples LIMIT 1
SELECT COLUMNS('power|gpu') APPLY(avg) FROM samples
SELECT * EXCEPT (tags, temps) APPLY(toString) FROM samples LIMIT 1
SELECT COLUMNS('power') APPLY(quantile(0.9)) FROM samples
SELECT a.* FROM samples AS a LIMIT 1
SELECT (1, 'a').1, tuple(1, 2).2, untuple((1, 2)), tupleElement((1 AS x, 2), 1)
SELECT bitAnd(5, 4), bitShiftLeft(1, 3), hex(255), cityHash64('a'), sipHash64('a'), MD5('a')
SELECT windowFunnel(60)(at, gpu = 0, gpu = 1), sequenceMatch('(?1)(?2)')(at, gpu = 0, gpu = 1), retention(gpu = 0, gpu = 1) FROM samples
SELECT number, number * number AS square FROM numbers(10)
SELECT node_id, power_w FROM node_state_as_of(t = '2026-01-01 00:00:03') ORDER BY at LIMIT 1 BY node_id
SELECT max(power_w) FROM node_state_as_of(t = now64(6, 'UTC') - INTERVAL 1 HOUR) AS then JOIN samples AS s USING (node_id)
SELECT * FROM generateSeries(1, 5)
SELECT * FROM values('a UInt8, b String', (1, 'x'), (2, 'y'))
SELECT c1 FROM VALUES(1, 2, 3)
SELECT * FROM view(SELECT node_id FROM samples)
SELECT name, total_rows, total_bytes FROM system.tables WHERE database = currentDatabase()
SELECT name, type FROM system.columns WHERE table = 'samples'
SELECT table_name FROM information_schema.tables WHERE table_schema = currentDatabase()
SELECT name FROM system.functions WHERE name LIKE 'quantile%'
SELECT version(), currentDatabase(), timezone()
SHOW TABLES
SHOW TABLES LIKE 'sam%'
SHOW TABLES FROM @DB@ LIMIT 5
SHOW FULL COLUMNS FROM samples
SHOW DATABASES
SHOW CREATE TABLE samples
SHOW CREATE samples
SHOW INDEXES FROM samples
SHOW FUNCTIONS LIKE 'array%'
DESCRIBE samples
DESC TABLE samples
DESCRIBE (SELECT node_id, count() FROM samples GROUP BY node_id)
EXPLAIN SELECT count() FROM samples
EXPLAIN indexes = 1, actions = 1 SELECT count() FROM samples WHERE node_id = 'n1'
EXPLAIN SYNTAX SELECT * FROM samples
EXPLAIN AST SELECT 1
EXPLAIN PIPELINE SELECT count() FROM samples
EXPLAIN ESTIMATE SELECT count() FROM samples
SELECT 'a; DROP TABLE samples', '-- not a comment', 'SETTINGS', 'INTO OUTFILE' -- a comment
SELECT node_id AS `node (name)`, avg(power_w) AS `avg(power_w)` FROM samples GROUP BY node_id
FROM samples SELECT node_id LIMIT 1
SELECT format, settings FROM (SELECT 1 AS format, 2 AS settings)
SELECT sum(power_w) FILTER (WHERE gpu = 0) FROM samples
SELECT any(power_w) IGNORE NULLS, first_value(power_w) RESPECT NULLS FROM samples
SELECT exponentialMovingAverage(60)(power_w, toUnixTimestamp(at)) FROM samples
SELECT tumbleStart(at, INTERVAL 1 MINUTE) AS w, count() FROM samples GROUP BY w
SELECT deltaSum(power_w), deltaSumTimestamp(power_w, at), maxIntersections(gpu, gpu) FROM samples
"""


def queries() -> list[str]:
    """Return every query, placeholders still in."""
    return [line for line in QUERIES.strip().split("\n") if line]
