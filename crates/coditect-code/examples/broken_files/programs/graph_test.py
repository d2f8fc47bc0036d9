import m

g = m.edges("a,b,4\na,c,1\nc,b,2\nb,d,5\n")
assert m.shortest(g, "a", "d") == (8, ["a", "c", "b", "d"])
assert m.shortest(g, "d", "a") is None
assert m.order(g) == ["a", "c", "b", "d"]
assert m.degree(g, "b") == 1 and m.degree(g, "b", both=True) == 3
assert not m.is_tree(g)
assert m.is_tree(m.edges("a,b,1\na,c,1"))
assert m.render(g)[0] == "a -> b(4), c(1)" and m.render(g)[2] == "c -> b(2)"
assert m.render(g)[3] == "d -> nothing"
try:
    m.order(m.edges("a,b,1\nb,a,1"))
except ValueError as e:
    assert str(e) == "a circle at a"
else:
    assert False
