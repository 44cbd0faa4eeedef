"""What came out of a run, and how it differs from another: figures, tables and pages."""
