package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// newValidator knows the tags of File.
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(yamlName)
	for tag, check := range map[string]func(value, param string) string{
		"address": func(s, _ string) string { return badAddress(s) },
		"listen": func(s, _ string) string {
			if s == off {
				return ""
			}
			return badAddress(s)
		},
		"sync": func(s, _ string) string { _, _, err := parseSync(s); return text(err) },
		"size": func(s, param string) string {
			low, high, _ := strings.Cut(param, " ")
			n, err := ParseSize(s)
			if err == nil && (n < size(low) || n > size(high)) {
				err = fmt.Errorf("%s is out of range, allowed is %s to %s", s, low, high)
			}
			return text(err)
		},
		"duration": func(s, param string) string {
			low, high, _ := strings.Cut(param, " ")
			d, err := ParseDuration(s)
			if err == nil && (d < duration(low) || d > duration(high)) {
				err = fmt.Errorf("%s is out of range, allowed is %s to %s", s, low, high)
			}
			return text(err)
		},
	} {
		err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return check(f.Field().String(), f.Param()) == "" })
		if err != nil {
			panic(err) // the tag's name
		}
		explain[tag] = check
	}
	return v
}

var (
	explain  = map[string]func(value, param string) string{}
	validate = newValidator()
)

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// off switches a listener off.
const off = "off"

func badAddress(s string) string {
	host, port, err := net.SplitHostPort(s)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || n == 0 || strings.ContainsAny(host, " /") {
		return fmt.Sprintf("%q is not an address such as 127.0.0.1:8080, node1:9000 or :8080", s)
	}
	return ""
}

// parseSync reads always, never or interval=D.
func parseSync(s string) (mode string, every time.Duration, err error) {
	mode, d, given := strings.Cut(s, "=")
	switch {
	case !given && (mode == "always" || mode == "never"):
		return mode, 0, nil
	case given && mode == "interval":
		if every, err = ParseDuration(d); err != nil {
			return "", 0, err
		}
		if every < time.Millisecond || every > time.Hour {
			return "", 0, fmt.Errorf("%s is out of range, allowed is interval=1ms to interval=1h", s)
		}
		return mode, every, nil
	}
	return "", 0, fmt.Errorf("%q is not a sync policy, allowed are always, interval=100ms (any duration) and never", s)
}

// validate checks the values one by one, fills in the defaults that depend on
// them, and checks them against each other.
func (l *loader) validate() {
	for _, key := range slices.Sorted(maps.Keys(l.empties)) {
		for _, f := range failures(validate.Var(l.empties[key].value, l.empties[key].rules)) {
			l.add(key, message(f))
		}
	}
	for _, f := range failures(validate.Struct(l.file)) {
		_, key, _ := strings.Cut(f.Namespace(), ".")
		l.add(key, message(f))
	}
	l.file.fill()
	l.crossCheck()
}

func failures(err error) validator.ValidationErrors {
	var bad validator.ValidationErrors
	if err != nil && !errors.As(err, &bad) {
		panic(err) // of the schema itself
	}
	return bad
}

func message(f validator.FieldError) string {
	if why := explain[f.Tag()]; why != nil {
		return why(fmt.Sprint(f.Value()), f.Param())
	}
	value := reflect.ValueOf(f.Value())
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	isText := value.Kind() == reflect.String
	switch f.Tag() {
	case "oneof":
		return fmt.Sprintf("%q is not one of %s", value, strings.Join(strings.Fields(f.Param()), ", "))
	case "printascii":
		return fmt.Sprintf("%q has characters that are not allowed, use printable ASCII", value)
	case "min", "max":
		bound := map[string]string{"min": "at least ", "max": "at most "}[f.Tag()] + f.Param()
		if isText {
			return fmt.Sprintf("%d characters, allowed are %s", value.Len(), bound)
		}
		if value.Kind() == reflect.Slice {
			return fmt.Sprintf("%d entries, allowed are %s", value.Len(), bound)
		}
		return fmt.Sprintf("%v is out of range, allowed is %s", value, bound)
	}
	panic("config: no message for the rule " + f.Tag())
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
