package config

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
)

// Marshal writes f as a file that Load reads back, each key with what it means
// beside it. Keys that hold their default by being empty are left out.
func Marshal(f *File) ([]byte, error) {
	comments := yaml.CommentMap{}
	root := reflect.ValueOf(f).Elem()
	for _, k := range Keys() {
		if !root.FieldByIndex(k.index).IsZero() {
			comments["$."+k.Name] = []*yaml.Comment{yaml.HeadComment(" " + k.Doc)}
		}
	}
	body, err := yaml.MarshalWithOptions(f, yaml.WithComment(comments), yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("the configuration cannot be written: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("# A node of Quorate. docs/configuration.md lists every key; paths are relative to this file.\n")
	b.Write(body)
	return b.Bytes(), nil
}
