// Package schema holds the JSON Schemas (draft 2020-12) of everything that
// bkplan writes for machines. [Names] lists them, [Get] gives one; `bkplan
// schema` prints them. They are strict: a member that a schema does not have
// is an error, and a change of meaning is a new version of the format.
package schema

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed *.json
var files embed.FS

// ID is the identifier of a schema, by which others refer to it. Nothing is
// fetched from there.
func ID(name string) string { return "https://github.com/bkplan/bkplan/schema/" + name + ".json" }

// Names are the names of the schemas, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("read embedded schemas: %v", err))
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// Get gives the text of a schema; ok is false when there is none of that name.
func Get(name string) (text []byte, ok bool) {
	text, err := files.ReadFile(name + ".json")
	return text, err == nil
}
