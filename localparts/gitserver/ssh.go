// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"regexp"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSH is an SSH server in front of a Server's repositories.
type SSH struct {
	// Address is host:port.
	Address string
	// KnownHosts is the known_hosts line of its host key.
	KnownHosts []byte

	server   *Server
	listener net.Listener
	config   *ssh.ServerConfig
	cancel   context.CancelFunc
	running  sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
	close    sync.Once
	closed   error
}

// StartSSH serves the repositories over SSH as well, on a free port of 127.0.0.1, to whoever has the private
// key of authorized (one line of an authorized_keys file). It has to be closed before the Server.
func (s *Server) StartSSH(ctx context.Context, authorized []byte) (*SSH, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(authorized)
	if err != nil {
		return nil, fmt.Errorf("git server: authorized key: %w", err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("git server: host key: %w", err)
	}
	host, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		return nil, fmt.Errorf("git server: host key: %w", err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(offered.Marshal(), key.Marshal()) {
			return nil, errors.New("unknown key")
		}
		return &ssh.Permissions{}, nil
	}}
	config.AddHostKey(host)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	address := listener.Addr().String()
	line := knownhosts.Line([]string{knownhosts.Normalize(address)}, host.PublicKey())
	front := &SSH{Address: address, KnownHosts: []byte(line + "\n"), server: s, listener: listener, config: config, cancel: cancel}
	front.running.Go(func() { front.accept(base) })
	return front, nil
}

// URL is a repository's ssh URL.
func (f *SSH) URL(repository string) string { return "ssh://git@" + f.Address + "/" + repository }

// Close cuts all connections off, kills the processes and frees the port. Closing twice is fine.
func (f *SSH) Close() error {
	f.close.Do(func() {
		f.closed = f.listener.Close()
		f.cancel()
		f.mu.Lock()
		for _, conn := range f.conns {
			_ = conn.Close() // most are closed already
		}
		f.mu.Unlock()
		f.running.Wait()
	})
	return f.closed
}

func (f *SSH) accept(ctx context.Context) {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns = append(f.conns, conn)
		f.mu.Unlock()
		f.running.Go(func() { f.serve(ctx, conn) })
	}
}

func (f *SSH) serve(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if ctx.Err() != nil {
		return
	}
	_, channels, requests, err := ssh.NewServerConn(conn, f.config)
	if err != nil {
		return
	}
	f.running.Go(func() { ssh.DiscardRequests(requests) })
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		f.running.Go(func() { f.session(ctx, channel, requests) })
	}
}

func (f *SSH) session(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer func() { _ = channel.Close() }()
	for request := range requests {
		if request.Type != "exec" {
			_ = request.Reply(false, nil)
			continue
		}
		var exec struct{ Command string }
		if err := ssh.Unmarshal(request.Payload, &exec); err != nil {
			return
		}
		_ = request.Reply(true, nil)
		status := struct{ Code uint32 }{f.run(ctx, channel, exec.Command)}
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
		return
	}
}

var sshCommand = regexp.MustCompile(`^git-(upload|receive)-pack '/?([^']+)'$`)

// run is git-shell: the two services, and nothing else.
func (f *SSH) run(ctx context.Context, channel ssh.Channel, command string) uint32 {
	match := sshCommand.FindStringSubmatch(command)
	if match == nil || !repositoryName.MatchString(match[2]) {
		_, _ = fmt.Fprintf(channel.Stderr(), "fatal: %q is not allowed\n", command)
		return 128
	}
	cmd := f.server.command(ctx, f.server.git, match[1]+"-pack", f.server.Dir(match[2]))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 128
	}
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	if err := cmd.Start(); err != nil {
		return 128
	}
	f.running.Go(func() {
		_ = copyAndClose(stdin, channel)
	})
	if err := cmd.Wait(); err != nil {
		return 1
	}
	return 0
}
