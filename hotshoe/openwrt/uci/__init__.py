"""OpenWrt's configuration (UCI) as data: its text, and how it is changed.

Everything follows libuci, whose files and functions are named where a rule comes from:
https://git.openwrt.org/project/uci.git. Nothing here reads or writes anything.
"""
