package lesson

import (
	"slices"
	"strings"
)

// entry is the value of a key in a block, or the items of a key with a list.
type entry struct {
	value string
	line  int // line number of the key
	items []item
}

type item struct {
	text string
	line int
}

// entries reads lines of "key: value". A line that begins with a space continues the value
// above it. Below a key in lists, each "- " begins an item.
func (c *compiler) entries(lines []string, at int, where string, keys, lists []string) map[string]entry {
	all := map[string]entry{}
	key := "" // the entry that the next indented line continues
	for i, l := range lines {
		line := at + i
		t := strings.TrimSpace(l)
		indented := strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t")
		dash, isItem := strings.CutPrefix(t, "- ")
		e := all[key]
		switch {
		case t == "" && key == "":
			continue
		case t == "" || indented && !isItem || indented && !contains(lists, key):
			if key == "" {
				c.problem(line, "this line of %s begins with a space, but there is no value above it. Write key: value", where)
				continue
			}
			if n := len(e.items); n > 0 {
				e.items[n-1].text += "\n" + t
			} else {
				e.value += "\n" + t
			}
		case isItem && contains(lists, key):
			e.items = append(e.items, item{dash, line})
		default:
			k, v, ok := strings.Cut(l, ":")
			if !ok {
				c.problem(line, "%q is not a line of %s. Write key: value", t, where)
				key = ""
				continue
			}
			if !contains(keys, k) && !contains(lists, k) {
				c.problem(line, "%q is not a key of %s. %s", k, where, meant(k, append(slices.Clone(keys), lists...)))
				key = ""
				continue
			}
			if _, ok := all[k]; ok {
				c.problem(line, "%s occurs twice in %s. Keep one", k, where)
			}
			key, e = k, entry{value: strings.TrimSpace(v), line: line}
		}
		all[key] = e
	}
	for k, e := range all {
		e.value = strings.TrimSpace(e.value)
		for i := range e.items {
			e.items[i].text = strings.TrimSpace(e.items[i].text)
		}
		all[k] = e
	}
	return all
}

// oneOf returns the value of key, or fallback if the key is missing. A value that is not
// one of values is a problem.
func (c *compiler) oneOf(e map[string]entry, key, fallback string, values []string) string {
	v, ok := e[key]
	switch {
	case !ok:
		return fallback
	case !contains(values, v.value):
		c.problem(v.line, "%s is %q. %s", key, v.value, meant(v.value, values))
		return fallback
	}
	return v.value
}
