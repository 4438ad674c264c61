// Command peer serves the same CreateTarget with Go's libraries, until standard input ends.
//
//	peer grpc              grpc-go
//	peer gateway           grpc-gateway, which calls the service in the process
//	peer gateway ADDRESS   grpc-gateway, which dials the grpc-go server there
//
// It prints the ports of gRPC and of HTTP, as every server of the bench does; the one that it does not have is 0.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	action "actiond.example/bench/gen/zitadel/action/v3alpha"
	object "actiond.example/bench/gen/zitadel/object/v2"
)

// service returns the response of bench/answers.py, without storing anything.
type service struct {
	action.UnimplementedActionServiceServer
}

func (service) CreateTarget(context.Context, *action.CreateTargetRequest) (*action.CreateTargetResponse, error) {
	return &action.CreateTargetResponse{
		Id: targetID,
		Details: &object.Details{
			Sequence:      1,
			ResourceOwner: owner,
			ChangeDate:    &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos},
		},
	}, nil
}

// The values of bench/constants.py.
const (
	targetID = "383270916982837248"
	owner    = "383270916701814784"
	seconds  = 1_795_000_000
	nanos    = 438_174_228
)

func serveGRPC(listener net.Listener) error {
	server := grpc.NewServer()
	action.RegisterActionServiceServer(server, service{})
	return server.Serve(listener)
}

// gateway returns grpc-gateway's handler. Its JSON leaves out empty fields, as ours does.
func gateway(upstream string) (http.Handler, error) {
	marshaler := &runtime.JSONPb{UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true}}
	mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, marshaler))
	if upstream == "" {
		return mux, action.RegisterActionServiceHandlerServer(context.Background(), mux, service{})
	}
	insecurely := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	return mux, action.RegisterActionServiceHandlerFromEndpoint(context.Background(), mux, upstream, insecurely)
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("usage: peer grpc | gateway [ADDRESS]")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	failed := make(chan error, 1)
	if arguments[0] == "grpc" {
		go func() { failed <- serveGRPC(listener) }()
		fmt.Println(port, 0)
	} else {
		upstream := ""
		if len(arguments) > 1 {
			upstream = arguments[1]
		}
		handler, err := gateway(upstream)
		if err != nil {
			return err
		}
		go func() { failed <- http.Serve(listener, handler) }()
		fmt.Println(0, port)
	}
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		failed <- err
	}()
	return <-failed
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
