"""The configuration: its schema, strict loading, and error messages."""
