// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package program

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/dial"
)

// Upstream is the service that a program's data comes from.
type Upstream struct {
	name     string
	address  string
	tls      dial.TLS
	insecure bool
}

// AddFlags adds `--<name>-address` and what goes with it.
func (u *Upstream) AddFlags(fs *pflag.FlagSet, name, address string) {
	u.name = name
	fs.StringVar(&u.address, name+"-address", address, "gRPC address of the "+name+"; beyond loopback TLS is spoken")
	fs.StringVar(&u.tls.CAFile, name+"-ca-file", "", "certificates that sign the "+name+"'s, PEM; empty: the system's")
	fs.StringVar(&u.tls.CertFile, name+"-cert-file", "", "client certificate shown to the "+name+", PEM")
	fs.StringVar(&u.tls.KeyFile, name+"-key-file", "", "the key of --"+name+"-cert-file, PEM")
	fs.BoolVar(&u.insecure, name+"-insecure", false, "speak plaintext to the "+name+" beyond loopback")
}

// Dial makes the connection, lazily: an upstream that is not there yet is no error. The part keeps it open as long as
// the program runs; it goes before the parts that use it.
func (u *Upstream) Dial(ctx context.Context, host *Host) (*grpc.ClientConn, Part, error) {
	conn, err := dial.Dial(ctx, u.address, dial.Options{Telemetry: host.Telemetry, TLS: u.tls, Insecure: u.insecure})
	if err != nil {
		return nil, Part{}, fmt.Errorf("--%s-address: %w", u.name, err)
	}
	return conn, Connection(conn), nil
}

// Connection is the part that closes a connection once everything added after it has ended.
func Connection(conn *grpc.ClientConn) Part {
	return Part{Name: "connection", Run: func(ctx context.Context) error {
		<-ctx.Done()
		return conn.Close()
	}}
}
