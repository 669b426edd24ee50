// Package own has names that are forbidden elsewhere.
package own

func Now() int { return 1 }

func own() int { return Now() }
