package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	// The resources hold these as Any.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"howdah/bench/xds/control"
)

var kinds = []string{"rw", "ro", "any", "replication"}

const firstMarker = "marker-000000"

type document struct {
	Clusters  []json.RawMessage `json:"clusters"`
	Endpoints []json.RawMessage `json:"endpoints"`
	Listeners []json.RawMessage `json:"listeners"`
}

// fillIn gives the template's resources for one kind of traffic of one proxy.
func fillIn(template string, number, kind int, marker string) document {
	name := fmt.Sprintf("proxy-%06d", number)
	text := strings.NewReplacer(
		"#KIND#", kinds[kind],
		"#INDEX#", strconv.Itoa(kind+1),
		"#PROXY#", name,
		"#MARKER#", marker,
	).Replace(template)
	var filled document
	if err := json.Unmarshal([]byte(text), &filled); err != nil {
		control.Fail(err)
	}
	return filled
}

func firstSnapshot(template string, number int) *cache.Snapshot {
	items := map[resource.Type][]types.Resource{}
	for kind := range kinds {
		filled := fillIn(template, number, kind, firstMarker)
		items[resource.ClusterType] = append(items[resource.ClusterType], parse(filled.Clusters[0], &cluster.Cluster{}))
		items[resource.EndpointType] = append(items[resource.EndpointType], parse(filled.Endpoints[0], &endpoint.ClusterLoadAssignment{}))
		items[resource.ListenerType] = append(items[resource.ListenerType], parse(filled.Listeners[0], &listener.Listener{}))
	}
	snapshot, err := cache.NewSnapshot(firstMarker, items)
	if err != nil {
		control.Fail(err)
	}
	return snapshot
}

// assignmentOf makes assignments the way a program does that holds them as messages: no text is parsed for each.
func assignmentOf(template string) func(number int, marker string) types.Resource {
	model := &endpoint.ClusterLoadAssignment{}
	parse(fillIn(template, 0, 0, firstMarker).Endpoints[0], model)
	return func(number int, marker string) types.Resource {
		name := fmt.Sprintf("proxy-%06d", number)
		made := proto.Clone(model).(*endpoint.ClusterLoadAssignment)
		made.ClusterName = kinds[0] + "." + name
		for index, each := range made.Endpoints[0].LbEndpoints {
			each.GetEndpoint().Hostname = []string{marker, "instance-b." + name, "instance-c." + name}[index]
		}
		return made
	}
}

func parse(text json.RawMessage, into proto.Message) types.Resource {
	if err := protojson.Unmarshal(text, into); err != nil {
		control.Fail(err)
	}
	return into
}
