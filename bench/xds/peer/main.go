// Command peer serves the resources of the benchmark with go-control-plane's snapshot cache.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"howdah/bench/xds/control"
)

var (
	proxies   = flag.Int("proxies", 1000, "how many proxies, named proxy-0, proxy-1, ...")
	resources = flag.String("resources", "", "file with the resources of one proxy")
)

func main() {
	flag.Parse()
	text, err := os.ReadFile(*resources)
	if err != nil {
		control.Fail(err)
	}
	template := string(text)
	snapshots := cache.NewSnapshotCache(true, cache.IDHash{}, nil)
	fill(snapshots, template)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		control.Fail(err)
	}
	grpcServer := grpc.NewServer(
		grpc.MaxConcurrentStreams(math.MaxUint32),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	)
	xds := server.NewServer(context.Background(), snapshots, nil)
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	go func() { control.Fail(grpcServer.Serve(listener)) }()
	// What was needed to make the resources is not the server's memory.
	debug.FreeOSMemory()
	control.Tell(map[string]any{"event": "ready", "port": listener.Addr().(*net.TCPAddr).Port})

	control.Listen(func(command control.Command) {
		if command.Change != nil {
			change(snapshots, template, command.Change)
		}
	})
}

func fill(snapshots cache.SnapshotCache, template string) {
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for number := range numbers {
				publish(snapshots, number, firstSnapshot(template, number))
			}
		})
	}
	for number := range *proxies {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
}

// change gives the first assignment of each proxy the marker. Types that did not change keep their version, so that the
// cache sends the endpoints alone.
func change(snapshots cache.SnapshotCache, template string, change *control.Change) {
	numbers := change.Proxies
	if len(numbers) == 0 {
		for number := range *proxies {
			numbers = append(numbers, number)
		}
	}
	assignment := assignmentOf(template)
	start := control.Now()
	for _, number := range numbers {
		before, err := snapshots.GetSnapshot(node(number))
		if err != nil {
			control.Fail(err)
		}
		publish(snapshots, number, withEndpoints(before, change.Marker, assignment(number, change.Marker)))
	}
	control.Tell(map[string]any{"event": "published", "marker": change.Marker, "ns": start})
}

func withEndpoints(before cache.ResourceSnapshot, version string, changed types.Resource) *cache.Snapshot {
	after := &cache.Snapshot{Resources: before.(*cache.Snapshot).Resources}
	items := make(map[string]types.ResourceWithTTL, len(after.Resources[types.Endpoint].Items))
	for name, item := range after.Resources[types.Endpoint].Items {
		items[name] = item
	}
	items[cache.GetResourceName(changed)] = types.ResourceWithTTL{Resource: changed}
	after.Resources[types.Endpoint] = cache.Resources{Version: version, Items: items}
	return after
}

func publish(snapshots cache.SnapshotCache, number int, snapshot *cache.Snapshot) {
	if err := snapshots.SetSnapshot(context.Background(), node(number), snapshot); err != nil {
		control.Fail(err)
	}
}

func node(number int) string {
	return fmt.Sprintf("proxy-%d", number)
}
