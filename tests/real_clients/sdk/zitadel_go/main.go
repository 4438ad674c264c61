// Command zitadel_go makes the calls that stdin names, one line of JSON each, with zitadel-go, and writes what it
// returned to stdout, one line each. sdks.py says what the lines are.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"reflect"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/zitadel/zitadel-go/v3/pkg/actions"
	"github.com/zitadel/zitadel-go/v3/pkg/client"
	"github.com/zitadel/zitadel-go/v3/pkg/zitadel"
)

type call struct {
	Service string          `json:"service"`
	Method  string          `json:"method"`
	Token   string          `json:"token"`
	Request json.RawMessage `json:"request"`
}

type failure struct {
	Code    any      `json:"code"`
	Message string   `json:"message"`
	Details []detail `json:"details"`
}

type detail struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

type outcome struct {
	Response json.RawMessage `json:"response,omitempty"`
	Error    *failure        `json:"error,omitempty"`
}

// sdk makes one client of zitadel-go for each token, as a program that acts for several users does.
type sdk struct {
	domain, port string
	clients      map[string]*client.Client
}

func main() {
	domain, port, err := net.SplitHostPort(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	it := &sdk{domain, port, map[string]*client.Client{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var named call
		if err := json.Unmarshal(lines.Bytes(), &named); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(it.outcome(named)); err != nil {
			log.Fatal(err)
		}
	}
}

func (s *sdk) outcome(named call) outcome {
	if named.Method == "VerifySignature" {
		return verify(named.Request)
	}
	service, err := s.service(named)
	if err != nil {
		log.Fatal(err)
	}
	method := reflect.ValueOf(service).MethodByName(named.Method)
	if !method.IsValid() {
		log.Fatalf("the client has no method %s", named.Method)
	}
	request := reflect.New(method.Type().In(1).Elem())
	if err := protojson.Unmarshal(named.Request, request.Interface().(proto.Message)); err != nil {
		log.Fatal(err)
	}
	returned := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), request})
	if err, failed := returned[1].Interface().(error); failed {
		return outcome{Error: failureOf(err)}
	}
	text, err := protojson.Marshal(returned[0].Interface().(proto.Message))
	if err != nil {
		log.Fatal(err)
	}
	return outcome{Response: text}
}

func (s *sdk) service(named call) (any, error) {
	api, ok := s.clients[named.Token]
	if !ok {
		var err error
		instance := zitadel.New(s.domain, zitadel.WithInsecure(s.port))
		api, err = client.New(context.Background(), instance, client.WithAuth(client.PAT(named.Token)))
		if err != nil {
			return nil, err
		}
		s.clients[named.Token] = api
	}
	switch named.Service {
	case "v2":
		return api.ActionServiceV2(), nil
	case "v2beta":
		return api.ActionServiceV2Beta(), nil
	}
	return nil, fmt.Errorf("no service %q", named.Service)
}

func failureOf(err error) *failure {
	told, ok := status.FromError(err)
	if !ok {
		log.Fatal(err)
	}
	details := []detail{}
	for _, each := range told.Details() {
		if known, ok := each.(interface {
			GetId() string
			GetMessage() string
		}); ok {
			details = append(details, detail{known.GetId(), known.GetMessage()})
		}
	}
	return &failure{told.Code().String(), told.Message(), details}
}

// verify asks the SDK's own helper whether a target may trust what it received.
func verify(given json.RawMessage) outcome {
	var received struct{ Body, Header, Key string }
	if err := json.Unmarshal(given, &received); err != nil {
		log.Fatal(err)
	}
	if err := actions.ValidatePayload([]byte(received.Body), received.Header, received.Key); err != nil {
		return outcome{Error: &failure{Code: "", Message: err.Error(), Details: []detail{}}}
	}
	return outcome{Response: json.RawMessage("{}")}
}
