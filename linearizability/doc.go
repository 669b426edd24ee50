// Package linearizability judges recorded histories: what every client asked,
// when, and what it was told. It holds the recorder, the file formats, the
// models, the checkers and the pictures, and knows nothing of the system that
// produced a history.
//
// A history is linearizable if every operation can be given one instant
// between its call and its return such that executing the operations in that
// order, one at a time, explains every answer (Herlihy and Wing,
// "Linearizability", 1990). Keys are independent (linearizability is local,
// section 3.1 there), so each key is judged alone.
//
// Three checkers stand behind [Check]:
//
//   - zones.go, O(n log n): registers whose written values are unique.
//   - search.go: everything else. It treats an operation of unknown outcome as
//     optional, which is where a plain search blows up.
//   - porcupine.go: the slow, obvious twin that the tests compare both with,
//     the fallback for extreme concurrency, and the source of the pictures.
package linearizability
