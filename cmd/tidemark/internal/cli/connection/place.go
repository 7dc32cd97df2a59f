// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/platform/dial"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/config"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const namespaceVariable = "TIDEMARK_NAMESPACE"

// place is where a service is, and who says so.
type place struct {
	address string
	// flag is what would name another place.
	flag string
	// context is the context that names it. Empty: a flag, the environment, or the default.
	context string
}

func (p place) source() string {
	if p.context != "" {
		return "context " + p.context
	}
	return p.flag
}

// choice is the context in use; what is nil or empty is not there.
type choice struct {
	name    string
	context *config.Context
}

// choose reads the file of contexts.
func (s *Servers) choose() (choice, error) {
	file, err := config.Load(config.Path(s.getenv))
	if err != nil {
		return choice{}, err
	}
	name := cmp.Or(s.context, s.getenv(config.ContextVariable), file.Current)
	c, err := file.Context(name)
	if err != nil {
		return choice{}, err
	}
	return choice{name: name, context: c}, nil
}

// place is where a service is: as the flags say, else the environment, else the context, else the default. A context that is
// asked for has to be there even where a flag is stronger.
func (s *Servers) place(service kinds.Service) (place, error) {
	chosen, err := s.chosen()
	if err != nil {
		return place{}, err
	}
	own, all := "--"+string(service)+"-server", "--server"
	for _, p := range []place{
		{address: *s.own[service], flag: own},
		{address: s.server, flag: all},
		{address: s.getenv("TIDEMARK_" + strings.ToUpper(string(service)) + "_SERVER"), flag: own},
		{address: s.getenv("TIDEMARK_SERVER"), flag: all},
	} {
		if p.address != "" {
			return p, nil
		}
	}
	if c := chosen.context; c != nil {
		if address := c.Servers[string(service)]; address != "" {
			return place{address: address, flag: own, context: chosen.name}, nil
		}
		if c.Server != "" {
			return place{address: c.Server, flag: all, context: chosen.name}, nil
		}
	}
	return place{address: defaultAddress, flag: all}, nil
}

// options are how a place is reached. What a context says of TLS, and its token, are for the servers that the context
// names, and for no others.
func (s *Servers) options(at place) (dial.Options, *bearer) {
	opts, token := s.dial, (*config.Token)(nil)
	if chosen, err := s.chosen(); err == nil && at.context != "" {
		tls := chosen.context.TLS
		opts.Insecure = opts.Insecure || tls.Insecure && opts.TLS == dial.TLS{}
		opts.TLS.CAFile = cmp.Or(opts.TLS.CAFile, tls.CAFile)
		opts.TLS.ServerName = cmp.Or(opts.TLS.ServerName, tls.ServerName)
		if opts.TLS.CertFile == "" && opts.TLS.KeyFile == "" {
			opts.TLS.CertFile, opts.TLS.KeyFile = tls.CertFile, tls.KeyFile
		}
		token = chosen.context.Token
	}
	if file := cmp.Or(s.tokenFile, s.getenv("TIDEMARK_TOKEN_FILE")); file != "" {
		token = &config.Token{File: file}
	}
	if token == nil {
		return opts, nil
	}
	return opts, &bearer{source: token}
}

// SetNamespace sets the namespace of a command that asks the services, where no flag does: as the environment says, else the
// context. Other commands, and those without a namespace, are left alone.
func (s *Servers) SetNamespace(flags *pflag.FlagSet) error {
	flag := flags.Lookup("namespace")
	if flag == nil || flags.Lookup("context") == nil {
		return nil
	}
	namespace, err := s.Namespace(flags)
	if err != nil || namespace == "" || flag.Changed {
		return err
	}
	if err := flag.Value.Set(namespace); err != nil {
		return fmt.Errorf("the default namespace: %w", err)
	}
	return nil
}

// Namespace is the one that the flags name, else the environment, else the context; empty: none does.
func (s *Servers) Namespace(flags *pflag.FlagSet) (string, error) {
	if flag := flags.Lookup("namespace"); flag != nil && flag.Changed {
		return flag.Value.String(), nil
	}
	chosen, err := s.chosen()
	if err != nil {
		return "", err
	}
	namespace := s.getenv(namespaceVariable)
	if chosen.context != nil {
		namespace = cmp.Or(namespace, chosen.context.Namespace)
	}
	return namespace, nil
}

// Contexts are the names of the contexts that there are; none where the file cannot be read.
func (s *Servers) Contexts() []string {
	file, err := config.Load(config.Path(s.getenv))
	if err != nil {
		return nil
	}
	return file.Names()
}

// loopback says that what is sent to an address does not leave this machine. "localhost" is taken at its word.
func loopback(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}
