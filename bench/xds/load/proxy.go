package main

import (
	"bytes"
	"context"
	"fmt"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"

	resourcesOfEachType = 4
)

// proxy is what a stream got so far.
type proxy struct {
	number  int
	counts  map[string]int
	bytes   int
	isReady bool
	last    *expectation
}

func newProxy(number int) *proxy {
	return &proxy{number: number, counts: make(map[string]int, 3)}
}

func (p *proxy) node() *core.Node {
	return &core.Node{Id: fmt.Sprintf("proxy-%d", p.number), Cluster: "bench", UserAgentName: "envoy"}
}

// got counts resources until the configuration is whole, and from then on looks for markers.
func (p *proxy) got(typeURL string, resources []*anypb.Any) {
	if p.isReady {
		p.look(typeURL, resources)
		return
	}
	p.counts[typeURL] += len(resources)
	for _, resource := range resources {
		p.bytes += len(resource.Value)
	}
	for _, each := range []string{clusterType, endpointType, listenerType} {
		if p.counts[each] < resourcesOfEachType {
			return
		}
	}
	p.isReady = true
	ready(p.bytes)
}

func (p *proxy) look(typeURL string, resources []*anypb.Any) {
	change := expecting.Load()
	if change == nil || change == p.last || typeURL != endpointType {
		return
	}
	if change.expected != nil && !change.expected[p.number] {
		return
	}
	for _, resource := range resources {
		if bytes.Contains(resource.Value, change.marker) {
			p.last = change
			change.received()
			return
		}
	}
}

// nextType is what Envoy subscribes to once it got its first response of a type: endpoints when it knows the clusters,
// listeners when the clusters can be warm.
func nextType(typeURL string) string {
	switch typeURL {
	case clusterType:
		return endpointType
	case endpointType:
		return listenerType
	default:
		return ""
	}
}

func runSotw(ctx context.Context, connection *grpc.ClientConn, number int) error {
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(connection).StreamAggregatedResources(ctx)
	if err != nil {
		return err
	}
	proxy := newProxy(number)
	names := map[string][]string{}
	subscribed := map[string]bool{clusterType: true}
	if err := stream.Send(&discovery.DiscoveryRequest{TypeUrl: clusterType, Node: proxy.node()}); err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		proxy.got(response.TypeUrl, response.Resources)
		if next := nextType(response.TypeUrl); next != "" && !subscribed[next] {
			subscribed[next] = true
			if next == endpointType {
				names[next] = namesOf(response.Resources)
			}
			if err := stream.Send(&discovery.DiscoveryRequest{TypeUrl: next, ResourceNames: names[next]}); err != nil {
				return err
			}
		}
		err = stream.Send(&discovery.DiscoveryRequest{
			TypeUrl:       response.TypeUrl,
			VersionInfo:   response.VersionInfo,
			ResponseNonce: response.Nonce,
			ResourceNames: names[response.TypeUrl],
		})
		if err != nil {
			return err
		}
	}
}

func runDelta(ctx context.Context, connection *grpc.ClientConn, number int) error {
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	proxy := newProxy(number)
	subscribed := map[string]bool{clusterType: true}
	if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: clusterType, Node: proxy.node()}); err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		resources := make([]*anypb.Any, len(response.Resources))
		for index, resource := range response.Resources {
			resources[index] = resource.Resource
		}
		proxy.got(response.TypeUrl, resources)
		if next := nextType(response.TypeUrl); next != "" && !subscribed[next] {
			subscribed[next] = true
			request := &discovery.DeltaDiscoveryRequest{TypeUrl: next}
			if next == endpointType {
				request.ResourceNamesSubscribe = namesOf(resources)
			}
			if err := stream.Send(request); err != nil {
				return err
			}
		}
		err = stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: response.TypeUrl, ResponseNonce: response.Nonce})
		if err != nil {
			return err
		}
	}
}

// namesOf reads the names of clusters without the rest of them: that costs the client as little as possible.
func namesOf(clusters []*anypb.Any) []string {
	names := make([]string, 0, len(clusters))
	for _, cluster := range clusters {
		for rest := cluster.Value; len(rest) > 0; {
			field, kind, head := protowire.ConsumeTag(rest)
			size := protowire.ConsumeFieldValue(field, kind, rest[max(head, 0):])
			if head < 0 || size < 0 {
				break
			}
			if field == 1 && kind == protowire.BytesType {
				name, _ := protowire.ConsumeBytes(rest[head:])
				names = append(names, string(name))
				break
			}
			rest = rest[head+size:]
		}
	}
	return names
}
