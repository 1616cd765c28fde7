-- Rows for the tables of hazard_exam_base.sql. A view gives the numbers 1 to 2,000.
CREATE TEMP TABLE n AS SELECT i FROM generate_series(1, 2000) AS i;
INSERT INTO regions SELECT i, 'r' || i, NULL FROM n;
INSERT INTO accounts (email, name, note, code, digits, small, filled, qty, price, due, seen, at, data, pct, legacy, bits,
                      ukey, guid, addr, region_id)
SELECT 'e' || i, 'n' || i, 'x', 'abcd', i::text, 1, i, i, i + 0.25, '2024-01-01'::timestamp + i * interval '1 minute', now(),
       '10:00', '{}', 5, 'l' || i, B'1010', i, 'g' || i, '10.0.0.0/8', i FROM n;
INSERT INTO orders (account_id, buyer_id, total, placed) SELECT i, i, i, '2024-01-01' FROM n;
INSERT INTO events_2024 SELECT i, '2024-03-01', 'w' FROM n;
INSERT INTO events_2025 SELECT i, '2025-03-01', 'w' FROM n;
INSERT INTO events_2026 SELECT i, '2026-03-01', 'w' FROM n;
INSERT INTO events_2027 SELECT i, '2027-03-01', 'w' FROM n;
INSERT INTO events_2028 SELECT i, '2028-03-01', 'w' FROM n;
INSERT INTO events_2029 SELECT i, '2029-03-01', 'w' FROM n;
INSERT INTO logs SELECT 'a', 'l' FROM n;
INSERT INTO logs SELECT 'z', 'l' FROM n;
INSERT INTO logs_b SELECT 'b', 'l' FROM n;
INSERT INTO vehicles SELECT i, 4 FROM n;
INSERT INTO cars SELECT i, 4, 5 FROM n;
INSERT INTO trucks SELECT i, 4, 5 FROM n;
INSERT INTO scratchpad SELECT i, 'v' FROM n;
INSERT INTO tags_old SELECT i, 't' FROM n;
INSERT INTO stays SELECT i, int4range(i * 10, i * 10 + 5) FROM n;
INSERT INTO keyless SELECT i, i, 'v' FROM n;
INSERT INTO nullkey SELECT i, i, 'v' FROM n;
INSERT INTO quiet SELECT i, 'v' FROM n;
REFRESH MATERIALIZED VIEW account_sums;
SELECT setval('invoice_seq', 5004);
DROP TABLE n;
