package netfault

import (
	"io"
	"net"
	"testing"
)

// BenchmarkRoundTrip is what a good link costs: 100 bytes there and back,
// without it and through it.
func BenchmarkRoundTrip(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	link, err := Listen(l.Addr().String(), 1)
	if err != nil {
		b.Fatal(err)
	}
	defer link.Close()
	for name, addr := range map[string]string{"direct": l.Addr().String(), "link": link.Addr()} {
		b.Run(name, func(b *testing.B) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			buf := make([]byte, 100)
			for b.Loop() {
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
