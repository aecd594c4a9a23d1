"""Trial records -> Parquet tables -> statistics -> figures -> one HTML page. Knows only tables."""
