-- One of every kind that a dump can carry, with names and texts that are easily got wrong.
CREATE EXTENSION citext;
CREATE SCHEMA "Odd.Schema";
CREATE TYPE mood AS ENUM ('sad', 'o''k', 'ha"ppy');
CREATE DOMAIN "Odd.Schema"."D" AS text COLLATE "C" DEFAULT 'x' NOT NULL CONSTRAINT long CHECK (length(value) < 9);
CREATE TYPE pair AS (a int, "B c" text COLLATE "C");
CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE SEQUENCE counter AS int INCREMENT -2 CYCLE;
CREATE TABLE "T""q" (
    id bigint GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3) PRIMARY KEY,
    m mood DEFAULT 'o''k' NOT NULL,
    c citext,
    p pair[],
    n numeric(10, 2) CHECK (n > 0.5 AND n IS NOT NULL OR n IN (1, 2)),
    t timestamptz DEFAULT '2020-01-02 03:04:05+00',
    i interval DEFAULT '1 day 2 hours',
    f float8 DEFAULT 0.1,
    b bytea DEFAULT '\xdeadbeef',
    d date DEFAULT CURRENT_DATE,
    g text GENERATED ALWAYS AS (upper(n::text)) STORED,
    "select" "Odd.Schema"."D",
    s serial,
    EXCLUDE USING gist (tsrange(t AT TIME ZONE 'UTC', NULL) WITH &&) WHERE (n > 3),
    CONSTRAINT duo UNIQUE (m, s) INCLUDE (n) DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 71, toast.autovacuum_enabled = off);
ALTER TABLE "T""q" ALTER c SET STATISTICS 33, ALTER c SET STORAGE MAIN, ALTER n SET (n_distinct = 5);
ALTER TABLE "T""q" CLUSTER ON duo;
ALTER TABLE "T""q" REPLICA IDENTITY FULL;
CREATE TABLE child (extra int) INHERITS ("T""q");
CREATE TABLE r (a bigint REFERENCES "T""q" MATCH FULL ON DELETE CASCADE ON UPDATE SET NULL, b text);
ALTER TABLE r ADD CONSTRAINT later CHECK (b <> 'x') NOT VALID;
CREATE INDEX "I.x" ON r (lower(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, a) INCLUDE (b) WHERE a IS NOT NULL;
CREATE INDEX brin ON r USING brin (a) WITH (pages_per_range = 4);
CREATE INDEX gin ON r USING gist (to_tsvector('english', b) tsvector_ops (siglen = 99));
CREATE TABLE part (a int, b text, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE part2 PARTITION OF part (b DEFAULT 'two') FOR VALUES FROM (10) TO (20) PARTITION BY LIST (b);
CREATE TABLE part2x PARTITION OF part2 DEFAULT;
CREATE INDEX ON part (b);
CREATE FUNCTION f(a int, b text DEFAULT 'it''s', VARIADIC c int[] DEFAULT '{}') RETURNS TABLE (x int, y text)
    LANGUAGE sql STABLE STRICT ROWS 5 COST 7 PARALLEL SAFE SET search_path = public, pg_temp SET work_mem = '4MB'
    AS $$ SELECT 1, 'body -- with  spaces' $$;
CREATE FUNCTION g(a int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a + 1; SELECT r.a FROM r WHERE r.b = 'x'; END;
CREATE FUNCTION g2(a int) RETURNS int LANGUAGE sql IMMUTABLE RETURN a * 2;
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE PROCEDURE pr(INOUT a int) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN a := 1; END';
CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0', parallel = safe, combinefunc = int4pl);
CREATE OPERATOR === (function = int4eq, leftarg = int, rightarg = int, commutator = ===, restrict = eqsel, hashes);
CREATE OPERATOR CLASS k FOR TYPE int USING hash AS OPERATOR 1 ===, FUNCTION 1 hashint4(int), FUNCTION 2 hashint4extended(int, bigint);
CREATE OPERATOR FAMILY fam USING btree;
ALTER OPERATOR FAMILY fam USING btree ADD OPERATOR 1 < (int, bigint), FUNCTION 1 btint48cmp(int, bigint);
CREATE CAST (text AS pair) WITH INOUT AS ASSIGNMENT;
CREATE TRIGGER tr BEFORE INSERT OR UPDATE OF b ON r FOR EACH ROW WHEN (new.b IS DISTINCT FROM 'x') EXECUTE FUNCTION tf('a', 'b''c');
CREATE TRIGGER trans AFTER UPDATE ON r REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION tf();
CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON r DEFERRABLE FOR EACH ROW EXECUTE FUNCTION tf();
ALTER TABLE r DISABLE TRIGGER tr;
CREATE TRIGGER ptr AFTER INSERT ON part FOR EACH ROW EXECUTE FUNCTION tf();
CREATE RULE ru AS ON DELETE TO r WHERE old.a > 1 DO ALSO (INSERT INTO r (a) VALUES (old.a); UPDATE r SET b = old.b WHERE r.a = old.a);
ALTER TABLE r ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY po ON r AS RESTRICTIVE FOR UPDATE USING (a > 1) WITH CHECK (b = CURRENT_USER);
CREATE VIEW v1 AS SELECT a, b AS "B b", count(*) OVER (PARTITION BY b) AS n FROM r WHERE b LIKE 'x%' ORDER BY a;
CREATE VIEW v2 WITH (security_barrier) AS
    WITH q AS (SELECT r.a, max(r.b) AS b FROM r GROUP BY r.a HAVING count(*) > 1)
    SELECT x.a, x.b, (SELECT count(*) FROM r z WHERE z.a = x.a) AS n FROM q x
    WHERE EXISTS (SELECT FROM r WHERE r.a = x.a);
CREATE VIEW v3 AS SELECT t.m, r.*, EXTRACT(year FROM t.t) AS y, t.i * 2 AS i2, CASE WHEN t.n > 1 THEN 'a' ELSE NULL END AS c
    FROM "T""q" t LEFT JOIN r ON r.a = t.id CROSS JOIN LATERAL generate_series(1, 3) s (s);
CREATE VIEW v4 AS SELECT a FROM r UNION ALL SELECT a FROM part EXCEPT SELECT 5 ORDER BY 1 LIMIT 3;
CREATE VIEW v5 AS VALUES (1, 'x'), (2, 'y');
CREATE VIEW v6 AS SELECT r AS whole, (ROW(1, 'x')::pair).a AS field, r.b || 'r.b' AS txt FROM r;
CREATE VIEW v7 AS SELECT DISTINCT ON (a) a, row_number() OVER w AS rn, array_agg(b) FILTER (WHERE a > 1) OVER w2 AS arr
    FROM r WINDOW w AS (PARTITION BY a), w2 AS (w ROWS UNBOUNDED PRECEDING);
CREATE VIEW v8 AS SELECT a, b FROM r FOR UPDATE;
CREATE VIEW v9 AS SELECT g.a, grouping(g.a) AS gr, count(*) FROM r g GROUP BY GROUPING SETS ((g.a), ());
CREATE VIEW v10 AS SELECT s.s AS s, s.s + 1 AS t FROM generate_series(1, 3) s;
CREATE VIEW v11 AS SELECT sub.x FROM (SELECT a AS x FROM r) sub WHERE sub.x IN (SELECT sub.x FROM part sub2 WHERE sub2.a = sub.x);
CREATE MATERIALIZED VIEW mv AS SELECT b, count(*) AS n FROM r GROUP BY b WITH NO DATA;
CREATE UNIQUE INDEX ON mv (b);
ALTER VIEW v1 ALTER a SET DEFAULT 5;
CREATE STATISTICS st (ndistinct, dependencies) ON a, (lower(b)) FROM r;
CREATE COLLATION coll (provider = libc, locale = 'C');
CREATE CONVERSION conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH DICTIONARY dict (template = simple, stopwords = english);
CREATE TEXT SEARCH CONFIGURATION conf (parser = "default");
ALTER TEXT SEARCH CONFIGURATION conf ADD MAPPING FOR asciiword, word WITH dict, english_stem;
CREATE FOREIGN DATA WRAPPER w OPTIONS (z '1', a '2');
CREATE SERVER srv TYPE 't' VERSION '1' FOREIGN DATA WRAPPER w OPTIONS (host 'h');
CREATE USER MAPPING FOR PUBLIC SERVER srv OPTIONS (user 'x', password 'hush');
CREATE FOREIGN TABLE ft (a int OPTIONS (x 'y') NOT NULL) SERVER srv OPTIONS (t 'u');
CREATE PUBLICATION pub FOR TABLE r, part WITH (publish = 'insert');
CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere' PUBLICATION x WITH (connect = false, slot_name = NONE);
CREATE FUNCTION etf() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER et ON ddl_command_end WHEN tag IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION etf();
ALTER EVENT TRIGGER et DISABLE;
CREATE TABLE "Odd.Schema"."new
line" ("Ü" int, "$x" int, UNIQUE ("Ü", "$x"));
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT SELECT ON r TO PUBLIC;
GRANT UPDATE (a) ON r TO PUBLIC;
REVOKE TRUNCATE ON part FROM CURRENT_USER;
GRANT TRUNCATE ON part TO CURRENT_USER;
REVOKE EXECUTE ON FUNCTION g FROM PUBLIC;
COMMENT ON TABLE r IS 'a ''table''
with a line';
COMMENT ON COLUMN r.a IS 'a column';
COMMENT ON COLUMN pair.a IS 'an attribute';
COMMENT ON CONSTRAINT long ON DOMAIN "Odd.Schema"."D" IS 'a check';
COMMENT ON CONSTRAINT later ON r IS 'a check';
COMMENT ON INDEX "I.x" IS 'an index';
COMMENT ON INDEX duo IS 'an index behind a constraint';
COMMENT ON TRIGGER tr ON r IS 'a trigger';
COMMENT ON FUNCTION g(int) IS 'a function';
COMMENT ON OPERATOR === (int, int) IS 'an operator';
COMMENT ON SCHEMA "Odd.Schema" IS 'a schema';
COMMENT ON TYPE mood IS 'an enum';
COMMENT ON EXTENSION citext IS 'ours';
