// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/spf13/pflag"
)

// Common is what all programs are told.
type Common struct {
	// Listen and HTTPListen are the addresses of gRPC, and of /metrics, /healthz and /readyz. Empty: not served.
	Listen, HTTPListen string
	// DataDir is where the embedded store keeps its data.
	DataDir string
	// EtcdEndpoints, if any, name an etcd cluster that is used in place of the embedded store.
	EtcdEndpoints []string
	// EtcdPrefix is what all keys begin with.
	EtcdPrefix string
	// SecretsDir holds a folder for each secret: <namespace>/<name>/<key>. Empty: there are none.
	SecretsDir string
	// The server's PEM files; without a certificate, plaintext is spoken.
	TLSCertFile, TLSKeyFile, TLSClientCAFile string
	// Insecure allows plaintext beyond loopback.
	Insecure bool
	// LogLevel is debug, info, warn or error; LogFormat text or json.
	LogLevel, LogFormat string
	// NamespaceLabels is a YAML file: namespace to label to value. Empty: a namespace has its name as its only label.
	NamespaceLabels string
}

// configFlag names the file that [Load] reads.
const configFlag = "config"

// Defaults are what flags are where nobody says otherwise; a program adds its addresses.
func Defaults() Common {
	return Common{DataDir: "data", EtcdPrefix: "/tidemark", LogLevel: "info", LogFormat: "text"}
}

// AddFlags adds the common flags, and --config, to fs. Their defaults are [Defaults], with what is not empty in defaults
// in its place.
func (c *Common) AddFlags(fs *pflag.FlagSet, defaults ...Common) {
	d := Defaults()
	for _, more := range defaults {
		d = d.with(more)
	}
	fs.String(configFlag, "", "YAML file whose keys are the names of flags")
	fs.StringVar(&c.Listen, "listen", d.Listen, "gRPC address; beyond loopback TLS is required")
	fs.StringVar(&c.HTTPListen, "http-listen", d.HTTPListen, "HTTP address of /metrics, /healthz and /readyz")
	fs.StringVar(&c.DataDir, "data-dir", d.DataDir, "folder of the embedded store")
	fs.StringSliceVar(&c.EtcdEndpoints, "etcd-endpoints", d.EtcdEndpoints, "etcd cluster to use in place of the embedded store")
	fs.StringVar(&c.EtcdPrefix, "etcd-prefix", d.EtcdPrefix, "what all keys in etcd begin with")
	fs.StringVar(&c.SecretsDir, "secrets-dir", d.SecretsDir, "folder of secrets: <namespace>/<name>/<key>")
	fs.StringVar(&c.TLSCertFile, "tls-cert-file", d.TLSCertFile, "the server's certificate, PEM")
	fs.StringVar(&c.TLSKeyFile, "tls-key-file", d.TLSKeyFile, "the key of --tls-cert-file, PEM")
	fs.StringVar(&c.TLSClientCAFile, "tls-client-ca-file", d.TLSClientCAFile, "require client certificates signed by one of these, PEM")
	fs.BoolVar(&c.Insecure, "insecure", d.Insecure, "allow plaintext beyond loopback")
	fs.StringVar(&c.LogLevel, "log-level", d.LogLevel, "debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", d.LogFormat, "text or json")
	fs.StringVar(&c.NamespaceLabels, "namespace-labels", d.NamespaceLabels, "YAML file of namespaces' labels: namespace, label, value")
}

// with is c with what is set in more.
func (c Common) with(more Common) Common {
	for _, s := range []struct{ to, from *string }{
		{&c.Listen, &more.Listen}, {&c.HTTPListen, &more.HTTPListen}, {&c.DataDir, &more.DataDir},
		{&c.EtcdPrefix, &more.EtcdPrefix}, {&c.SecretsDir, &more.SecretsDir},
		{&c.TLSCertFile, &more.TLSCertFile}, {&c.TLSKeyFile, &more.TLSKeyFile}, {&c.TLSClientCAFile, &more.TLSClientCAFile},
		{&c.LogLevel, &more.LogLevel}, {&c.LogFormat, &more.LogFormat}, {&c.NamespaceLabels, &more.NamespaceLabels},
	} {
		if *s.from != "" {
			*s.to = *s.from
		}
	}
	if len(more.EtcdEndpoints) > 0 {
		c.EtcdEndpoints = more.EtcdEndpoints
	}
	c.Insecure = c.Insecure || more.Insecure
	return c
}
