"""What runs inside the isolation: standard library only, sent over by boot.py; the host uses codec.py as well."""
