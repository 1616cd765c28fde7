-- What extensions own. Manual: pg_depend.
SELECT d.classid::regclass::text, d.objid FROM pg_depend d WHERE d.deptype = 'e'
