// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// sshConnector runs git-upload-pack and git-receive-pack over SSH. go-git's own SSH transport reads the user's
// ~/.ssh/config, and its handshake ignores the context; this one does neither.
type sshConnector struct {
	address string // host:port
	path    string
	config  *ssh.ClientConfig
}

func newSSH(remote Remote, parsed *url.URL) (*sshConnector, error) {
	auth := remote.Auth
	if len(auth.PrivateKey) == 0 || len(auth.KnownHosts) == 0 {
		return nil, newError("open", remote, ErrCredential, "ssh needs identity and known_hosts in the secret that secretRef names", nil)
	}
	signer, err := privateKey(auth)
	if err != nil {
		return nil, newError("open", remote, ErrCredential, "identity cannot be read as an SSH private key, or its password is wrong", nil)
	}
	port := parsed.Port()
	if port == "" {
		port = "22"
	}
	c := &sshConnector{address: net.JoinHostPort(parsed.Hostname(), port), path: parsed.Path}
	if strings.HasPrefix(c.path, "/~") {
		c.path = c.path[1:]
	}
	hosts, err := parseKnownHosts(auth.KnownHosts)
	if err != nil {
		return nil, newError("open", remote, ErrCredential, "known_hosts cannot be read", nil)
	}
	user := parsed.User.Username()
	if user == "" {
		user = "git"
	}
	c.config = &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   hosts.HostKeyCallback(),
		HostKeyAlgorithms: hosts.HostKeyAlgorithms(c.address),
	}
	return c, nil
}

func privateKey(auth Auth) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(auth.PrivateKey)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return ssh.ParsePrivateKeyWithPassphrase(auth.PrivateKey, []byte(auth.Passphrase))
	}
	return signer, err
}

// parseKnownHosts goes by way of a file, since the parser reads nothing else. It holds public keys only.
func parseKnownHosts(content []byte) (hosts *knownhosts.HostKeyDB, err error) {
	file, err := os.CreateTemp("", "known_hosts-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return knownhosts.NewDB(file.Name())
}

func (c *sshConnector) close() {}

func (c *sshConnector) upload(ctx context.Context) (transport.UploadPackSession, error) {
	return c.open(ctx, transport.UploadPackServiceName)
}

func (c *sshConnector) receive(ctx context.Context) (transport.ReceivePackSession, error) {
	return c.open(ctx, transport.ReceivePackServiceName)
}

// open connects and starts the service. The context's end closes the connection, whatever is going on.
func (c *sshConnector) open(ctx context.Context, service string) (*sshSession, error) {
	conn, err := (&net.Dialer{Timeout: 30 * time.Second}).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	s := &sshSession{ctx: ctx, conn: conn, service: service}
	s.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := s.start(c); err != nil {
		s.stop()
		return nil, errors.Join(err, ctx.Err(), ignoreClosed(conn.Close()))
	}
	return s, nil
}

// sshSession is one run of a Git service over SSH.
type sshSession struct {
	ctx     context.Context // the operation's: one session serves one operation
	conn    net.Conn
	stop    func() bool
	service string
	stdin   io.WriteCloser
	stdout  io.Reader
	stderr  boundedBuffer
	ended   chan struct{} // closed when the service has ended and all of stderr is here
	refs    *packp.AdvRefs
}

func (s *sshSession) start(c *sshConnector) error {
	conn, channels, requests, err := ssh.NewClientConn(s.conn, c.address, c.config)
	if err != nil {
		return err
	}
	session, err := ssh.NewClient(conn, channels, requests).NewSession()
	if err != nil {
		return err
	}
	if s.stdin, err = session.StdinPipe(); err != nil {
		return err
	}
	stdout, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	limit := int64(maxAdvertisement + maxPack)
	if s.service == transport.ReceivePackServiceName {
		limit = maxAdvertisement + maxReport
	}
	s.stdout = &limitedReader{stdout, limit}
	session.Stderr = &s.stderr
	err = session.Start(s.service + " '" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(c.path) + "'")
	if err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = session.Wait() // what it said is on stderr; closing the connection ends this
	}()
	return nil
}

// Close ends the connection.
func (s *sshSession) Close() error {
	s.stop()
	return ignoreClosed(s.conn.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// AdvertisedReferences is AdvertisedReferencesContext with the context the session was opened with.
func (s *sshSession) AdvertisedReferences() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(s.ctx)
}

// AdvertisedReferencesContext reads what the server has, once.
func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	if s.refs != nil {
		return s.refs, nil
	}
	refs := packp.NewAdvRefs()
	if err := refs.Decode(s.stdout); err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs) {
		return nil, s.explain(err)
	}
	if s.service == transport.UploadPackServiceName && refs.IsEmpty() {
		return nil, transport.ErrEmptyRemoteRepository
	}
	transport.FilterUnsupportedCapabilities(refs.Capabilities)
	s.refs = refs
	return refs, nil
}

// lastWords is how long a service that broke off may take to say why.
const lastWords = 2 * time.Second

// explain turns the end of a connection into what the server said on standard error.
func (s *sshSession) explain(err error) error {
	if ended := s.ctx.Err(); ended != nil {
		return ended
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-s.ctx.Done():
	case <-timer.C:
	}
	said := s.stderr.String()
	lower := strings.ToLower(said)
	for _, words := range []string{"not appear to be a git repository", "not found", "does not exist", "no such repository"} {
		if strings.Contains(lower, words) {
			return transport.ErrRepositoryNotFound
		}
	}
	if said != "" {
		return errors.Join(err, errors.New(said))
	}
	return err
}

// UploadPack asks for objects.
func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	if _, err := s.AdvertisedReferences(); err != nil {
		return nil, err
	}
	var question bytes.Buffer
	if err := req.UploadRequest.Encode(&question); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(&question, false); err != nil {
		return nil, err
	}
	question.WriteString("0009done\n")
	if _, err := s.stdin.Write(question.Bytes()); err != nil {
		return nil, s.explain(err)
	}
	response := packp.NewUploadPackResponse(req)
	if err := response.Decode(truncatedBody{s.stdout, s}); err != nil {
		return nil, s.explain(err)
	}
	return response, nil
}

// ReceivePack sends objects and reference updates and reads the report.
func (s *sshSession) ReceivePack(_ context.Context, req *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	if _, err := s.AdvertisedReferences(); err != nil {
		return nil, err
	}
	if err := req.Encode(s.stdin); err != nil {
		return nil, s.explain(err)
	}
	if err := s.stdin.Close(); err != nil {
		return nil, s.explain(err)
	}
	answer := s.stdout
	if req.Capabilities.Supports(capability.Sideband64k) {
		demuxer := sideband.NewDemuxer(sideband.Sideband64k, answer)
		demuxer.Progress = req.Progress
		answer = demuxer
	}
	report := packp.NewReportStatus()
	if err := report.Decode(answer); err != nil {
		return nil, s.explain(err)
	}
	return report, report.Error()
}

// boundedBuffer keeps the first bytes written to it and drops the rest. It may be used concurrently.
type boundedBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p[:min(len(p), max(0, maxErrorBody-len(b.text)))]...)
	return len(p), nil
}

func (b *boundedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}
