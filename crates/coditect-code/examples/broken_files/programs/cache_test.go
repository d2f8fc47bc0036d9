package main

import (
	"errors"
	"fmt"
	"os"
)

func check(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, "AssertionError: "+what)
		os.Exit(1)
	}
}

func main() {
	c := NewCache(2)
	dropped := ""
	c.onDrop = func(name string) { dropped += name }
	check(c.Put("a", 1) == nil && c.Put("b", 2) == nil, "put")
	v, ok := c.Get("a")
	check(ok && v == 1, "get")
	_, ok = c.Get("z")
	check(!ok, "none")
	c.Put("c", 3)
	check(dropped == "b" && fmt.Sprint(c.Names()) == "[a c]", "drop")
	check(errors.Is(NewCache(0).Put("a", 1), ErrFull), "full")
	m, err := Parse("x 12; y 3;;x 1")
	check(err == nil && m["x"] == 13 && m["y"] == 3, "parse")
	_, err = Parse("x 12; y")
	check(err != nil && err.Error() == "part 2: y", "error")
}
