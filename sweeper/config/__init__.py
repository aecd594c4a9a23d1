"""What a user may write: the schema, reading it strictly, and reporting mistakes."""
