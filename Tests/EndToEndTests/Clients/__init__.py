"""Scripts that play clients, servers and browsers in the end-to-end tests."""
