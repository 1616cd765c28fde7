"""The only room that talks SQL, through psycopg 3."""
