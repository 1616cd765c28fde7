-- Which of the optional queries would return rows. Most databases have no objects of most kinds, and a query that returns
-- no rows takes as long as one that does. Objects of a new database have OIDs below 16384 (access/transam.h).
-- Every table has an array type, which is a base type with the input function array_in.
SELECT array_remove(ARRAY[
       CASE WHEN EXISTS (SELECT FROM pg_sequence) THEN 'sequences' END,
       CASE WHEN EXISTS (SELECT FROM pg_trigger WHERE tgisinternal AND tgenabled <> 'O') THEN 'disabled_constraints' END,
       CASE WHEN EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal) THEN 'triggers' END,  -- since 15
       CASE WHEN EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal OR tgparentid <> 0) THEN 'triggers' END,  -- until 14
       CASE WHEN EXISTS (SELECT FROM pg_type WHERE oid >= 16384 AND typtype = 'd') THEN 'domains' END,
       CASE WHEN EXISTS (SELECT FROM pg_class WHERE oid >= 16384 AND relkind = 'c') THEN 'composite_types' END,
       CASE WHEN EXISTS (SELECT FROM pg_type WHERE oid >= 16384 AND (typinput <> 'array_in'::regproc AND typtype = 'b'
                                                                     OR NOT typisdefined)) THEN 'base_types' END,
       CASE WHEN EXISTS (SELECT FROM pg_enum) THEN 'enums' END,
       CASE WHEN EXISTS (SELECT FROM pg_range WHERE rngtypid >= 16384) THEN 'range_types' END,
       CASE WHEN EXISTS (SELECT FROM pg_proc WHERE oid >= 16384) THEN 'functions' END,
       CASE WHEN EXISTS (SELECT FROM pg_aggregate WHERE aggfnoid::oid >= 16384) THEN 'aggregates' END,
       CASE WHEN EXISTS (SELECT FROM pg_rewrite WHERE oid >= 16384) THEN 'rules' END,
       CASE WHEN EXISTS (SELECT FROM pg_policy) THEN 'policies' END,
       CASE WHEN EXISTS (SELECT FROM pg_event_trigger) THEN 'event_triggers' END,
       CASE WHEN EXISTS (SELECT FROM pg_cast WHERE oid >= 16384) THEN 'casts' END,
       CASE WHEN EXISTS (SELECT FROM pg_operator WHERE oid >= 16384) THEN 'operators' END,
       CASE WHEN EXISTS (SELECT FROM pg_opclass WHERE oid >= 16384) THEN 'operator_classes' END,
       CASE WHEN EXISTS (SELECT FROM pg_opfamily WHERE oid >= 16384) THEN 'operator_families' END,
       CASE WHEN EXISTS (SELECT FROM pg_collation WHERE oid >= 16384) THEN 'collations' END,
       CASE WHEN EXISTS (SELECT FROM pg_conversion WHERE oid >= 16384) THEN 'conversions' END,
       CASE WHEN EXISTS (SELECT FROM pg_ts_config WHERE oid >= 16384) THEN 'text_search_configurations' END,
       CASE WHEN EXISTS (SELECT FROM pg_ts_dict WHERE oid >= 16384) THEN 'text_search_dictionaries' END,
       CASE WHEN EXISTS (SELECT FROM pg_ts_parser WHERE oid >= 16384) THEN 'text_search_parsers' END,
       CASE WHEN EXISTS (SELECT FROM pg_ts_template WHERE oid >= 16384) THEN 'text_search_templates' END,
       CASE WHEN EXISTS (SELECT FROM pg_statistic_ext) THEN 'statistics' END,
       CASE WHEN EXISTS (SELECT FROM pg_foreign_data_wrapper) THEN 'foreign_data_wrappers' END,
       CASE WHEN EXISTS (SELECT FROM pg_foreign_server) THEN 'servers' END,
       CASE WHEN EXISTS (SELECT FROM pg_foreign_server) THEN 'user_mappings' END,
       CASE WHEN EXISTS (SELECT FROM pg_publication) THEN 'publications' END,
       CASE WHEN EXISTS (SELECT FROM pg_subscription) THEN 'subscriptions' END,
       CASE WHEN EXISTS (SELECT FROM pg_am WHERE oid >= 16384) THEN 'access_methods' END,
       CASE WHEN EXISTS (SELECT FROM pg_language WHERE oid >= 16384 OR lanacl IS NOT NULL) THEN 'languages' END,
       CASE WHEN EXISTS (SELECT FROM pg_transform) THEN 'transforms' END,
       CASE WHEN EXISTS (SELECT FROM pg_default_acl) THEN 'default_privileges' END
       ], NULL)
