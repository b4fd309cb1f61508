// Routes says what Envoy Gateway would tell its Envoys: objects of the Gateway API in, xDS out, once.
//
// It is the production translator without the controller around it, which needs a pod: its xDS server listens on every
// address, and its certificates lie at a fixed place. Reads `resource.Resources` as JSON from standard input; writes
// `{"listeners": […], "routes": […], "clusters": […], "endpoints": […], "secrets": […]}`, each item an Any of Envoy's
// API. What the objects' own conditions would say is wrong is written to standard error, and is status 1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/envoyproxy/gateway/internal/gatewayapi"
	"github.com/envoyproxy/gateway/internal/gatewayapi/resource"
	"github.com/envoyproxy/gateway/internal/logging"
	"github.com/envoyproxy/gateway/internal/xds/translator"
)

var kinds = map[string]resourcev3.Type{
	"listeners": resourcev3.ListenerType,
	"routes":    resourcev3.RouteType,
	"clusters":  resourcev3.ClusterType,
	"endpoints": resourcev3.EndpointType,
	"secrets":   resourcev3.SecretType,
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	content, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	resources := resource.NewResources()
	if err := json.Unmarshal(content, resources); err != nil {
		return fmt.Errorf("the objects cannot be read: %w", err)
	}
	if resources.GatewayClass == nil {
		return fmt.Errorf("there is no GatewayClass")
	}
	resources.Sort()
	logger := logging.DefaultLogger(os.Stderr, egv1a1.LogLevelError)
	toIR := &gatewayapi.Translator{
		GatewayControllerName: string(resources.GatewayClass.Spec.ControllerName),
		GatewayClassName:      gwapiv1.ObjectName(resources.GatewayClass.Name),
		BackendEnabled:        true,
		ControllerNamespace:   "envoy-gateway-system",
		Logger:                logger,
	}
	ir, err := toIR.Translate(context.Background(), resources)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	for _, route := range ir.HTTPRoutes {
		for _, parent := range route.Status.Parents {
			told(route.Namespace+"/"+route.Name, parent.Conditions)
		}
	}
	for _, gateway := range ir.Gateways {
		for _, listener := range gateway.Status.Listeners {
			told(gateway.Namespace+"/"+gateway.Name, listener.Conditions)
		}
	}
	found := map[string][]json.RawMessage{}
	for name := range kinds {
		found[name] = []json.RawMessage{}
	}
	for _, each := range ir.XdsIR {
		toXDS := &translator.Translator{
			ControllerNamespace: "envoy-gateway-system",
			FilterOrder:         each.FilterOrder,
			Logger:              logger,
		}
		table, err := toXDS.Translate(context.Background(), each)
		if err != nil {
			return err
		}
		for name, kind := range kinds {
			for _, item := range table.XdsResources[kind] {
				if err := add(found, name, item); err != nil {
					return err
				}
			}
		}
	}
	return json.NewEncoder(out).Encode(found)
}

func add(found map[string][]json.RawMessage, name string, item types.Resource) error {
	packed, err := anypb.New(item)
	if err != nil {
		return err
	}
	written, err := protojson.Marshal(&discoveryv3.DiscoveryResponse{Resources: []*anypb.Any{packed}})
	if err != nil {
		return err
	}
	var response struct {
		Resources []json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(written, &response); err != nil {
		return err
	}
	found[name] = append(found[name], response.Resources...)
	return nil
}

func told(what string, conditions []metav1.Condition) {
	for _, each := range conditions {
		if each.Status == metav1.ConditionFalse {
			fmt.Fprintf(os.Stderr, "%s: %s: %s\n", what, each.Reason, each.Message)
		}
	}
}
