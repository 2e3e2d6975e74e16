// Command load stands for many proxies that keep one discovery stream each, and tells when they got what.
package main

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"howdah/bench/xds/control"
)

var (
	address = flag.String("address", "", "host:port of the discovery server")
	proxies = flag.Int("proxies", 1000, "how many proxies, named proxy-0, proxy-1, ...")
	mode    = flag.String("mode", "sotw", "sotw or delta")
	streams = flag.Int("streams", 100, "streams of one connection")
)

// expectation is a change that is under way.
type expectation struct {
	marker   []byte
	expected map[int]bool // nil: all proxies
	missing  atomic.Int64
}

var (
	expecting  atomic.Pointer[expectation]
	unready    atomic.Int64
	firstBytes atomic.Int64
)

// ready is called by each proxy once it has its first configuration.
func ready(bytes int) {
	firstBytes.Add(int64(bytes))
	if unready.Add(-1) == 0 {
		control.Tell(map[string]any{"event": "configured", "ns": control.Now(), "bytes": firstBytes.Load()})
	}
}

// received is called when a proxy got endpoints that hold the marker.
func (e *expectation) received() {
	if e.missing.Add(-1) == 0 {
		control.Tell(map[string]any{"event": "received", "marker": string(e.marker), "ns": control.Now()})
	}
}

func connect() {
	unready.Store(int64(*proxies))
	control.Tell(map[string]any{"event": "connecting", "ns": control.Now()})
	var connection *grpc.ClientConn
	for number := range *proxies {
		if number%*streams == 0 {
			var err error
			connection, err = grpc.NewClient(
				*address,
				grpc.WithTransportCredentials(insecure.NewCredentials()),
				// A server that is slow to accept is slow, not gone.
				grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
			)
			if err != nil {
				control.Fail(err)
			}
		}
		own := connection
		go func() {
			run := runSotw
			if *mode == "delta" {
				run = runDelta
			}
			if err := run(context.Background(), own, number); err != nil {
				control.Fail(fmt.Errorf("proxy-%d: %w", number, err))
			}
		}()
	}
}

func expect(change *control.Change) {
	next := &expectation{marker: []byte(change.Marker)}
	next.missing.Store(int64(*proxies))
	if len(change.Proxies) > 0 {
		next.missing.Store(int64(len(change.Proxies)))
		next.expected = make(map[int]bool, len(change.Proxies))
		for _, number := range change.Proxies {
			next.expected[number] = true
		}
	}
	expecting.Store(next)
	control.Tell(map[string]any{"event": "expecting", "marker": change.Marker})
}

func main() {
	flag.Parse()
	control.Listen(func(command control.Command) {
		switch {
		case command.Connect:
			connect()
		case command.Expect != nil:
			expect(command.Expect)
		}
	})
}
