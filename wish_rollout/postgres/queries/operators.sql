-- Operators, without shell operators (named as a commutator or negator, not yet defined). Manual: pg_operator.
SELECT o.oid AS _oid,
       'operator' AS _kind,
       n.name || '.' || o.oprname || '(' || CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END
           || ', ' || format_type(o.oprright, NULL) || ')' AS _name,
       o.oprowner AS _owner,
       o.oprcode::oid::regprocedure::text AS function,
       NULLIF(o.oprcom, 0)::regoperator::text AS commutator,
       NULLIF(o.oprnegate, 0)::regoperator::text AS negator,
       NULLIF(o.oprrest::oid, 0)::regprocedure::text AS restrict,
       NULLIF(o.oprjoin::oid, 0)::regprocedure::text AS "join",
       o.oprcanhash AS hashes,
       o.oprcanmerge AS merges
  FROM pg_operator o
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = o.oprnamespace
 WHERE o.oprcode <> 0
   AND o.oid <> ALL (%(pg_operator)s::oid[])
