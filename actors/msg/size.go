package msg

// BatchBytes is how much of keys and values one message carries, unless one item
// alone is larger.
const BatchBytes = 1 << 20

// Fitting is the number of items, at least one, that go into one message. There
// must be an item.
func Fitting[T any](items []T, size func(*T) int) int {
	bytes := size(&items[0])
	n := 1
	for ; n < len(items); n++ {
		if bytes += size(&items[n]); bytes > BatchBytes {
			break
		}
	}
	return n
}
