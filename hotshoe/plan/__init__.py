"""The Plan: all that follows from a Site, device by device."""
