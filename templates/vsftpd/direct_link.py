#!/usr/bin/python3
# Managed by hotshoe. Runs vsftpd while an interface is up and has an IPv4 address: vsftpd listens
# at that address alone, and ends when the cable is out or the Wi-Fi is down. Sessions that it began
# are processes of their own; those whose link is gone end by vsftpd's own timeouts.
#
# Usage: hotshoe-direct-link INTERFACE CONFIGURATION    until it is told to end
#        hotshoe-direct-link INTERFACE                  print the address, if there is one
"""Run vsftpd while a direct link is up."""

import json
import os
import select
import signal
import subprocess
import sys
import time

# After vsftpd has ended by itself.
PAUSE = 2


def address_of(interface):
    """The first IPv4 address of an interface whose link is up; None if there is none."""
    command = ("ip", "-json", "-4", "address", "show", "up", "scope", "global")
    done = subprocess.run(command, capture_output=True, check=True)
    for link in json.loads(done.stdout or "[]"):
        # ip(8) prints an empty object for each interface that it leaves out.
        if link.get("ifname") == interface and "LOWER_UP" in link["flags"]:
            return link["addr_info"][0]["local"]
    return None


class Daemon:
    """vsftpd, at one address; without one, nothing runs."""

    def __init__(self, configuration):
        self.configuration, self.process, self.address = configuration, None, None

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    def listen(self, address):
        if address == self.address and (address is None or self.is_up()):
            return
        self.end()
        self.address = address
        if address is None:
            print("the link is down, or has no IPv4 address: nobody listens", flush=True)
            return
        # It ends with us, however we end: nobody else would end it when the link is down.
        command = ("setpriv", "--pdeathsig", "TERM", "/usr/sbin/vsftpd", self.configuration)
        command += (f"-olisten_address={address}",)
        # vsftpd reports what is wrong on its standard input; this sends it to the journal.
        self.process = subprocess.Popen(command, stdin=1)
        print(f"the link is up: vsftpd listens at {address}", flush=True)

    def end(self):
        if self.is_up():
            self.process.terminate()
            self.process.wait()
        self.process = None


def follow(interface, configuration):
    daemon = Daemon(configuration)
    command = ("setpriv", "--pdeathsig", "TERM", "ip", "monitor", "link", "address")
    monitor = subprocess.Popen(command, stdout=subprocess.PIPE)
    os.set_blocking(monitor.stdout.fileno(), False)
    try:
        while monitor.poll() is None:
            address = address_of(interface)
            if daemon.process and not daemon.is_up():
                time.sleep(PAUSE)
            daemon.listen(address)
            watched = [monitor.stdout]
            ended = os.pidfd_open(daemon.process.pid) if daemon.process else None
            if ended is not None:
                watched.append(ended)
            select.select(watched, [], [])
            if ended is not None:
                os.close(ended)
            while monitor.stdout.read(65536):
                pass
        sys.exit("ip monitor has ended")
    finally:
        daemon.end()
        monitor.kill()


def main(interface, configuration=None):
    if configuration is None:
        address = address_of(interface)
        if address is None:
            sys.exit(1)
        print(address)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    follow(interface, configuration)


main(*sys.argv[1:])
