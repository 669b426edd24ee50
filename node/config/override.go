package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// envPrefix begins the variables that set keys: QUORATE_LISTEN_HTTP is listen.http.
const envPrefix = "QUORATE_"

// Key is one setting that variables and flags may set.
type Key struct {
	Name    string // listen.http
	Env     string // QUORATE_LISTEN_HTTP
	Doc     string // what it is and what is allowed
	Default string
	index   []int
	rules   string // as emptyRules
}

// Keys lists the settings in the order of the file. The members are set in the
// file only.
func Keys() []Key {
	var keys []Key
	root := reflect.TypeFor[File]()
	for i := range root.NumField() {
		section := root.Field(i)
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		for j := range section.Type.NumField() {
			f := section.Type.Field(j)
			name := yamlName(section) + "." + yamlName(f)
			keys = append(keys, Key{Name: name, Env: envPrefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_")),
				Doc: f.Tag.Get("doc"), Default: f.Tag.Get("default"), index: []int{i, j}, rules: emptyRules(f)})
		}
	}
	return keys
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// override puts variables and then flags over the file. Names that set nothing
// are errors: a misspelt one must not pass silently.
func (l *loader) override(env []string, flags map[string]string) {
	byEnv, byName := map[string]Key{}, map[string]Key{}
	for _, k := range Keys() {
		byEnv[k.Env], byName[k.Name] = k, k
	}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || value == "" { // set to nothing: not set, as is the custom
			continue
		}
		if k, ok := byEnv[name]; ok {
			l.set(k, name, value)
		} else {
			l.problems = append(l.problems, Problem{Source: name, Message: "no such setting; the variables are listed in docs/configuration.md"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if k, ok := byName[name]; ok {
			l.set(k, "--"+name, flags[name])
		} else {
			l.problems = append(l.problems, Problem{Source: "--" + name, Message: "no such setting; the keys are listed in docs/configuration.md"})
		}
	}
}

func (l *loader) set(k Key, from, value string) {
	l.origin[k.Name] = from
	// What is over the file's value takes its place, mistakes included.
	delete(l.empties, k.Name)
	delete(l.broken, k.Name)
	l.assign(reflect.ValueOf(l.file).Elem().FieldByIndex(k.index), value, k.Name, k.rules)
}
