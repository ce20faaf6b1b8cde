"""Stands in for Debian's binding of the journal, which servers have."""
