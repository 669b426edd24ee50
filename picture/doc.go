// Package picture draws a recorded run of the simulator as one web page that
// needs nothing but a browser: clients and nodes as lanes over virtual time,
// messages as arrows, faults as bands, and beside them what the checker says.
//
// [Write] turns a sim.Result into the page. What the page shows is gathered
// here, in Go, into columns of small numbers (data.go), compressed and embedded;
// the drawing is plain JavaScript, in assets. docs/picture.md is the reader's guide.
package picture
