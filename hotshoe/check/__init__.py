"""Why does it not work? What the probe met outside, together with what the home's machines saw."""
