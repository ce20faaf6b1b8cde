"""What ``hotshoe photos`` is told, as one line of JSON on the standard output.

Usage: python3 -m hotshoe_delivery status CONFIGURATION [MOST]

``MOST`` is how many photos are told at most, those that came last; 100 if it is not said. Times are
seconds since 1970. There, and None where it says so::

    {"at": when this was written,
     "running": whether the service runs,
     "destinations": [one for each delivery of the Site that this server has, in its order
       {"name": of the delivery,
        "by": "fetch" | "sftp" | "smb" | "webdav" | "s3",
        "to": where it leads, such as "sftp://ann@192.168.1.30:22/in"; no secret in it,
        "waiting": how many photos wait, "waiting_bytes": how large they are together,
        "delivered": how many photos of the library it has,
        "error": what is wrong with it in plain words, or None,
        "failing_since": since when, or None,
        "next_try": when it is tried again, or None,
        "succeeded": when it last did its work, or None}],
     "retention": {"after_days": or None, "keep_free": in bytes, or None} or None,
     "photos": [the latest last
       {"path": on the server, "size": in bytes, "arrived": since when it is in the library,
        "sha256": or None while nobody has read it yet,
        "gone": since when it is not in the library any more, or None,
        "why_gone": "retention" | "moved" | "replaced", or None,
        "deliveries": [
          {"destination": its name, "state": "waiting" | "delivered",
           "name": what it is called there, from its folder on, or None,
           "delivered": when it was seen there first, or None,
           "verified": when it was seen there last, or None,
           "error": why it waits, in plain words, or None}]}]}

Names that are not UTF-8 have their other bytes as lone surrogates, as :func:`os.fsdecode` gives
them. The exit status is 1, with a sentence on the standard error, if there is no ledger.
"""
