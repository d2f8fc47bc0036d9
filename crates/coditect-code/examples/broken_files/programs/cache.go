package main

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// ErrFull says that nothing fits any more.
var ErrFull = errors.New("full")

type entry struct {
	value int
	used  int
}

// Cache keeps what was used last.
type Cache struct {
	size    int
	clock   int
	entries map[string]*entry
	onDrop  func(name string)
}

func NewCache(size int) *Cache {
	return &Cache{size: size, entries: make(map[string]*entry)}
}

func (c *Cache) Get(name string) (int, bool) {
	found, ok := c.entries[name]
	if !ok {
		return 0, false
	}
	c.clock++
	found.used = c.clock
	return found.value, true
}

func (c *Cache) Put(name string, value int) error {
	if c.size == 0 {
		return fmt.Errorf("put %q: %w", name, ErrFull)
	}
	if _, ok := c.entries[name]; !ok && len(c.entries) >= c.size {
		oldest := ""
		for other, e := range c.entries {
			if oldest == "" || e.used < c.entries[oldest].used {
				oldest = other
			}
		}
		delete(c.entries, oldest)
		if c.onDrop != nil {
			c.onDrop(oldest)
		}
	}
	c.clock++
	c.entries[name] = &entry{value: value, used: c.clock}
	return nil
}

func (c *Cache) Names() []string {
	names := []string{}
	for name := range c.entries {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return names[i] < names[j] })
	return names
}

func Parse(text string) (map[string]int, error) {
	made := map[string]int{}
	for n, line := range strings.Split(text, ";") {
		var name string
		var value int
		switch parts := strings.Fields(line); len(parts) {
		case 0:
			continue
		case 2:
			name = parts[0]
			for i := 0; i < len(parts[1]); i++ {
				value = value*10 + int(parts[1][i]-'0')
			}
		default:
			return nil, fmt.Errorf("part %d: %s", n+1, strings.TrimSpace(line))
		}
		made[name] += value
	}
	return made, nil
}
