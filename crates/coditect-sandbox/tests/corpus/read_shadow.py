"""Reads the password file.

Escape: a line of a password hash is printed.
Tiers: both
"""

for path in ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/sudoers"]:
    try:
        print(open(path, errors="replace").read())
    except OSError as error:
        print(path, error)
