"""What is asked of servers over SSH."""
