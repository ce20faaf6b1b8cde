#!/usr/bin/python3 -BI
"""Tells OpenSSH's client the password of a delivery, from systemd's credential of the service."""

import json
import os
from pathlib import Path

secrets = json.loads(Path(os.environ["CREDENTIALS_DIRECTORY"], "delivery").read_text("utf-8"))
print(secrets[os.environ["HOTSHOE_DELIVERY"]]["password"])
