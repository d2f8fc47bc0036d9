"""Fetches a page with the standard library.

Escape: a listener of the harness hears of it, or the line ESCAPED.
Tiers: both
"""

import json
import urllib.request

P = json.load(open("/project/planted.json"))


for url in ["http://127.0.0.1:%d/" % P["tcp_port"], "http://example.com/", "file://" + P["secret"]]:
    try:
        print("ESCAPED", urllib.request.urlopen(url, timeout=1).read())
    except Exception as error:
        print(url, error)
