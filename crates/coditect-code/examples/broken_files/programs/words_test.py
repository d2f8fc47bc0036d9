import m

t = m.Table("Table")
for w in m.words("The cat's hat, a hat and Hat", 2):
    t.add(w)
assert t.rows == [["cat's", 1], ["hat", 3], ["and", 1]], t.rows
assert t.text() == "==Table==\nhat  : 3\nand  : 1\ncat's: 1", t.text()
assert t.add("cat's") == 2
assert m.best(t) == ["hat", "cat's"]
assert m.parse("a = 12 # x") == ("a", 12)
assert m.parse("# x") is None
assert dict(m.settings("a=b\n\nc = 3")) == {"a": {"value": "b", "line": 1}, "c": {"value": 3, "line": 3}}
for text, kind in (("a", ValueError), ("a=1\na=2", KeyError)):
    try:
        m.settings(text)
    except kind as error:
        assert "a" in str(error)
    else:
        assert False, text
