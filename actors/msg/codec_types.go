package msg

import "github.com/quoratedb/quorate/actors"

// The types of eventual.go. These are switches over concrete types too, see Append.

// eventual writes m, and reports false if it is not one of these.
func (w *writer) eventual(m actors.Message) bool {
	switch m := m.(type) {
	case *Put:
		w.byte(typePut)
		m.encode(w)
	case *Stored:
		w.byte(typeStored)
		m.encode(w)
	case *Fetch:
		w.byte(typeFetch)
		m.encode(w)
	case *Fetched:
		w.byte(typeFetched)
		m.encode(w)
	case *Hint:
		w.byte(typeHint)
		m.encode(w)
	case *Hinted:
		w.byte(typeHinted)
		m.encode(w)
	case *MarkDurable:
		w.byte(typeMarkDurable)
		m.encode(w)
	case *Compare:
		w.byte(typeCompare)
		m.encode(w)
	case *Compared:
		w.byte(typeCompared)
		m.encode(w)
	case *TreeAsk:
		w.byte(typeTreeAsk)
		m.encode(w)
	case *TreeTold:
		w.byte(typeTreeTold)
		m.encode(w)
	case *ListBuckets:
		w.byte(typeListBuckets)
		m.encode(w)
	case *BucketsListed:
		w.byte(typeBucketsListed)
		m.encode(w)
	case *Want:
		w.byte(typeWant)
		m.encode(w)
	case *Given:
		w.byte(typeGiven)
		m.encode(w)
	case *AskDead:
		w.byte(typeAskDead)
		m.encode(w)
	case *DeadTold:
		w.byte(typeDeadTold)
		m.encode(w)
	case *Forget:
		w.byte(typeForget)
		m.encode(w)
	case *Leave:
		w.byte(typeLeave)
		m.encode(w)
	default:
		return false
	}
	return true
}

// eventual reads the fields of a message of type t; nil if there is none such.
func (r *reader) eventual(t byte) actors.Message {
	switch t {
	case typePut:
		m := new(Put)
		m.decode(r)
		return m
	case typeStored:
		m := new(Stored)
		m.decode(r)
		return m
	case typeFetch:
		m := new(Fetch)
		m.decode(r)
		return m
	case typeFetched:
		m := new(Fetched)
		m.decode(r)
		return m
	case typeHint:
		m := new(Hint)
		m.decode(r)
		return m
	case typeHinted:
		m := new(Hinted)
		m.decode(r)
		return m
	case typeMarkDurable:
		m := new(MarkDurable)
		m.decode(r)
		return m
	case typeCompare:
		m := new(Compare)
		m.decode(r)
		return m
	case typeCompared:
		m := new(Compared)
		m.decode(r)
		return m
	case typeTreeAsk:
		m := new(TreeAsk)
		m.decode(r)
		return m
	case typeTreeTold:
		m := new(TreeTold)
		m.decode(r)
		return m
	case typeListBuckets:
		m := new(ListBuckets)
		m.decode(r)
		return m
	case typeBucketsListed:
		m := new(BucketsListed)
		m.decode(r)
		return m
	case typeWant:
		m := new(Want)
		m.decode(r)
		return m
	case typeGiven:
		m := new(Given)
		m.decode(r)
		return m
	case typeAskDead:
		m := new(AskDead)
		m.decode(r)
		return m
	case typeDeadTold:
		m := new(DeadTold)
		m.decode(r)
		return m
	case typeForget:
		m := new(Forget)
		m.decode(r)
		return m
	case typeLeave:
		m := new(Leave)
		m.decode(r)
		return m
	}
	return nil
}
