-- Members of extensions (e), and objects that depend on an extension without being members (x). Manual: pg_depend.
SELECT d.classid::regclass::text, d.objid, d.deptype::text, quote_ident(e.extname)
  FROM pg_depend d
  JOIN pg_extension e ON e.oid = d.refobjid
 WHERE d.deptype IN ('e', 'x')
   AND d.refclassid = 'pg_extension'::regclass
