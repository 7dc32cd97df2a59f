// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serveBackend runs git-http-backend for one request. net/http/cgi would do, but for two things: it refuses
// chunked bodies, which git sends from 1 MiB on, and it cannot stop a process whose hook hangs.
func (s *Server) serveBackend(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	cmd := s.command(ctx, s.backend)
	cmd.Env = append(cmd.Env, s.requestEnv(r)...)
	cmd.Stderr = s.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := cmd.Start(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		_ = copyAndClose(stdin, r.Body) // a backend that has read enough closes its end: no failure
	}()
	if err := answer(w, stdout); err != nil {
		cancel() // the client went away, or the backend did
	}
	_ = cmd.Wait() // its exit code is in the answer
	_ = r.Body.Close()
	<-fed
}

func copyAndClose(to io.WriteCloser, from io.Reader) error {
	_, err := io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// requestEnv is the part of CGI that git-http-backend reads.
func (s *Server) requestEnv(r *http.Request) []string {
	env := []string{
		"GIT_PROJECT_ROOT=" + s.dir,
		"GIT_HTTP_EXPORT_ALL=1",
		"REQUEST_METHOD=" + r.Method,
		"QUERY_STRING=" + r.URL.RawQuery,
		"PATH_INFO=" + r.URL.Path,
		"CONTENT_TYPE=" + r.Header.Get("Content-Type"),
		"HTTP_CONTENT_ENCODING=" + r.Header.Get("Content-Encoding"),
		"SERVER_PROTOCOL=HTTP/1.1",
	}
	if r.ContentLength >= 0 && r.Method == http.MethodPost {
		env = append(env, "CONTENT_LENGTH="+strconv.FormatInt(r.ContentLength, 10))
	}
	if protocol := r.Header.Get("Git-Protocol"); protocol != "" {
		env = append(env, "GIT_PROTOCOL="+protocol)
	}
	if host, _, found := strings.Cut(r.RemoteAddr, ":"); found {
		env = append(env, "REMOTE_ADDR="+host)
	}
	return env
}

// answer copies a CGI answer: headers, an empty line, the body.
func answer(w http.ResponseWriter, from io.Reader) error {
	reader := bufio.NewReader(from)
	headers, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return err
	}
	status := http.StatusOK
	if text, _, _ := strings.Cut(headers.Get("Status"), " "); text != "" {
		if status, err = strconv.Atoi(text); err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return err
		}
	}
	headers.Del("Status")
	for name, values := range headers {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, err = io.Copy(w, reader)
	return err
}

// command is a git program that sees no configuration but the repository's, and that dies with its children
// (hooks, pack processes) when the context ends.
func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) // #nosec G204 -- git's own programs
	cmd.Dir = s.dir
	cmd.Env = gitEnv()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	cmd.WaitDelay = time.Second // a grandchild that left the group does not hold us
	return cmd
}

func gitEnv() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"LC_ALL=C",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_COUNT=1", // the folder may belong to another user (a mounted volume)
		"GIT_CONFIG_KEY_0=safe.directory",
		"GIT_CONFIG_VALUE_0=*",
	}
}

// authenticate lets through who has the user and password or the token; with neither configured, everybody.
func authenticate(config Config, next http.Handler) http.Handler {
	if config.Username == "" && config.Password == "" && config.Token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(config, r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "authentication is required", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func allowed(config Config, r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if bearer {
		return config.Token != "" && same(token, config.Token)
	}
	user, password, basic := r.BasicAuth()
	if !basic || (config.Username == "" && config.Password == "") {
		return false
	}
	return same(user, config.Username) && same(password, config.Password)
}

// same compares in constant time, lengths included.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
