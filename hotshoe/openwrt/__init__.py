"""What a Plan means on an OpenWrt router, in terms of UCI. Pure."""
