// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"unsafe"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	events "github.com/docker/go-events"

	// The library finds its parts by name: two stores and two ways to authenticate.
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
)

const htpasswdFile = "htpasswd"

// newApp builds the registry itself. The library's own NewRegistry is passed
// by: it would configure logging, tracing and health checks of the whole process.
func newApp(config Config, scratch string, tokens *tokenServer) (app *handlers.App, err error) {
	if config.Dir != "" {
		if err := os.MkdirAll(config.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("registry: %w", err)
		}
	}
	// The library panics on a configuration that it does not like.
	defer func() {
		if reason := recover(); reason != nil {
			app, err = nil, fmt.Errorf("registry: configure: %v", reason)
		}
	}()
	return handlers.NewApp(untraced(context.Background()), settings(config, scratch, tokens)), nil
}

func settings(config Config, scratch string, tokens *tokenServer) *configuration.Configuration {
	s := &configuration.Configuration{
		Storage: configuration.Storage{
			"delete":      configuration.Parameters{"enabled": true},
			"redirect":    configuration.Parameters{"disable": true},
			"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
		},
	}
	if config.Dir == "" {
		s.Storage["inmemory"] = configuration.Parameters{}
	} else {
		s.Storage["filesystem"] = configuration.Parameters{"rootdirectory": config.Dir}
	}
	switch {
	case tokens != nil:
		s.Auth = configuration.Auth{"token": configuration.Parameters{
			"realm":   tokens.realm,
			"issuer":  tokenIssuer,
			"service": tokenService,
			"jwks":    filepath.Join(scratch, keysFile),
		}}
	case scratch != "":
		s.Auth = configuration.Auth{"htpasswd": configuration.Parameters{
			"realm": "registry",
			"path":  filepath.Join(scratch, htpasswdFile),
		}}
	}
	s.Notifications = notifications(config.Notifications)
	s.HTTP.Secret = rand.Text()
	s.Catalog.MaxEntries = 1000
	return s
}

// stop ends what the library started. Its Shutdown forgets the event
// broadcaster, whose goroutine would wait for ever, and offers no way to it;
// the private field is opened here, and a library that has renamed it is
// noticed by the test for goroutines.
func stop(app *handlers.App) error {
	if err := app.Shutdown(); err != nil {
		return fmt.Errorf("registry: shut down: %w", err)
	}
	field := reflect.ValueOf(app).Elem().FieldByName("events")
	if !field.IsValid() {
		return nil
	}
	if field = field.FieldByName("sink"); !field.IsValid() {
		return nil
	}
	opened := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
	if sink, ok := opened.Interface().(events.Sink); ok {
		if err := sink.Close(); err != nil {
			return fmt.Errorf("registry: close the event sink: %w", err)
		}
	}
	return nil
}
