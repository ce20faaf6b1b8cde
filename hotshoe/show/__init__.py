"""A Plan for people and programs: tables, JSON, a worksheet to print, a diagram."""
