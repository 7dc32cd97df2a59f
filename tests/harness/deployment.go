// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"path/filepath"
	"testing"
)

// Service is one of the three.
type Service string

// The services, in the order of the data's way.
const (
	Scanner  Service = "scanner"
	Resolver Service = "resolver"
	Updater  Service = "updater"
)

// Services are all three.
func Services() []Service { return []Service{Scanner, Resolver, Updater} }

// Deployment is Tidemark, run in one way or the other. Its processes keep their addresses and folders from one life to the
// next.
type Deployment interface {
	// Processes are the programs that make it up, upstream first.
	Processes() []*Process
	// Process is the program that holds a service.
	Process(service Service) *Process
	// Address is where a service answers gRPC, HTTPAddress where its metrics are.
	Address(service Service) string
	HTTPAddress(service Service) string
	// HookAddress is where webhooks are taken.
	HookAddress() string
	// ServerFlags tell the CLI where the services are.
	ServerFlags() []string
}

// Kind makes a deployment that does not run yet.
type Kind struct {
	// Name is the subtests'.
	Name string
	make func(t *testing.T, place place) Deployment
}

// place is what a deployment is made of.
type place struct {
	programs *Programs
	ports    *Ports
	dir      string
	args     []string // for each program
	own      []string // for the program of the all-in-one alone
	env      []string
}

// AllInOne is `tidemark up`: one process.
func AllInOne() Kind { return Kind{Name: "all-in-one", make: newAllInOne} }

// Trio is three processes that talk over TCP.
func Trio() Kind { return Kind{Name: "three-programs", make: newTrio} }

// Kinds are both.
func Kinds() []Kind { return []Kind{AllInOne(), Trio()} }

func (p place) flags(name, grpc, http string) []string {
	return append([]string{"--listen", grpc, "--http-listen", http, "--data-dir", filepath.Join(p.dir, name)}, p.args...)
}

type allInOne struct {
	process          *Process
	grpc, http, hook string
}

func newAllInOne(t *testing.T, p place) Deployment {
	t.Helper()
	d := &allInOne{grpc: p.ports.Address(t), http: p.ports.Address(t), hook: p.ports.Address(t)}
	args := append([]string{"up", "--hook-listen", d.hook}, p.flags("tidemark", d.grpc, d.http)...)
	d.process = NewProcess(t, "tidemark", p.programs.Path("tidemark"), append(args, p.own...), p.env)
	return d
}

func (d *allInOne) Processes() []*Process      { return []*Process{d.process} }
func (d *allInOne) Process(Service) *Process   { return d.process }
func (d *allInOne) Address(Service) string     { return d.grpc }
func (d *allInOne) HTTPAddress(Service) string { return d.http }
func (d *allInOne) HookAddress() string        { return d.hook }
func (d *allInOne) ServerFlags() []string      { return []string{"--server", d.grpc} }

type trio struct {
	processes  map[Service]*Process
	grpc, http map[Service]string
	hook       string
}

func newTrio(t *testing.T, p place) Deployment {
	t.Helper()
	d := &trio{processes: map[Service]*Process{}, grpc: map[Service]string{}, http: map[Service]string{}, hook: p.ports.Address(t)}
	var upstream []string
	for _, service := range Services() {
		name := string(service)
		d.grpc[service], d.http[service] = p.ports.Address(t), p.ports.Address(t)
		args := append(p.flags(name, d.grpc[service], d.http[service]), upstream...)
		if service == Scanner {
			args = append(args, "--hook-listen", d.hook)
		}
		d.processes[service] = NewProcess(t, name, p.programs.Path(name), args, p.env)
		upstream = []string{"--" + name + "-address", d.grpc[service]}
	}
	return d
}

func (d *trio) Processes() []*Process {
	all := make([]*Process, 0, len(d.processes))
	for _, service := range Services() {
		all = append(all, d.processes[service])
	}
	return all
}

func (d *trio) Process(service Service) *Process   { return d.processes[service] }
func (d *trio) Address(service Service) string     { return d.grpc[service] }
func (d *trio) HTTPAddress(service Service) string { return d.http[service] }
func (d *trio) HookAddress() string                { return d.hook }

func (d *trio) ServerFlags() []string {
	flags := make([]string, 0, 2*len(d.grpc))
	for _, service := range Services() {
		flags = append(flags, "--"+string(service)+"-server", d.grpc[service])
	}
	return flags
}
