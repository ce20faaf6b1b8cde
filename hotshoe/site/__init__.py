"""The Site: what a person says about their home, read and validated."""
