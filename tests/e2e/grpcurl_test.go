// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// services are the full names that each program answers.
func services() map[harness.Service][]string {
	return map[harness.Service][]string{
		harness.Scanner: {"tidemark.scanner.v1.ImageRepositoryService", "tidemark.scanner.v1.TagService"},
		harness.Resolver: {
			"tidemark.resolver.v1.ImagePolicyService", "tidemark.resolver.v1.ResolutionService",
		},
		harness.Updater: {
			"tidemark.updater.v1.GitRepositoryService", "tidemark.updater.v1.ImageUpdateAutomationService",
		},
	}
}

func TestGrpcurlFindsItsWay(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		lessonParts(t, w)
		w.Apply(t, w.Manifest(t, "lesson.yaml"))
		w.AwaitCondition(t, harness.Policy(lessonPolicy), harness.Ready("resolved to 7.8.1"))
		for service, names := range services() {
			list := grpcurl(t, w, service, nil, "list")
			for _, name := range append(names, "grpc.health.v1.Health") {
				if !strings.Contains(list, name+"\n") {
					t.Errorf("list of %s: want %s in\n%s", service, name, list)
				}
			}
		}
		described := grpcurl(t, w, harness.Resolver, nil, "describe", "tidemark.resolver.v1.ResolutionService")
		if !strings.Contains(described, "rpc Resolve ( .tidemark.resolver.v1.ResolveRequest )") {
			t.Errorf("describe:\n%s", described)
		}
		unaryCalls(t, w)
		streamCalls(t, w)
	})
}

func unaryCalls(t *testing.T, w *harness.World) {
	t.Helper()
	for _, c := range []struct {
		service       harness.Service
		request, call string
		want          string
	}{
		{
			harness.Resolver, `{"tag_list": {"tags": ["7.8.0", "7.8.1", "7.9.0"]}, "policy": {"semver": {"range": "7.8.x"}}}`,
			"tidemark.resolver.v1.ResolutionService/Resolve", `"tag": "7.8.1"`,
		},
		{
			harness.Resolver, `{"image_repository_ref": {"name": "` + lessonRepo + `"}, "policy": {"alphabetical": {"order": "SORT_ORDER_DESC"}}}`,
			"tidemark.resolver.v1.ResolutionService/Resolve", `"tag": "7.8.0"`,
		},
		{
			harness.Resolver, `{"requests": [{"tag_list": {"tags": ["1", "2"]}, "policy": {"numerical": {}}}, {"tag_list": {"tags": ["x"]}, "policy": {"semver": {"range": "no"}}}]}`,
			"tidemark.resolver.v1.ResolutionService/BatchResolve", `"tag": "2"`,
		},
		{harness.Resolver, `{"name": "` + lessonPolicy + `"}`, "tidemark.resolver.v1.ImagePolicyService/GetImagePolicy", `"tag": "7.8.1"`},
		{harness.Resolver, `{}`, "tidemark.resolver.v1.ImagePolicyService/ListImagePolicies", lessonPolicy},
		{harness.Scanner, `{"name": "` + lessonRepo + `"}`, "tidemark.scanner.v1.TagService/ListTags", `"name": "7.8.0"`},
		{harness.Scanner, `{"name": "` + lessonRepo + `"}`, "tidemark.scanner.v1.ImageRepositoryService/ScanImageRepository", `"tagCount": 2`},
	} {
		out := grpcurl(t, w, c.service, []string{"-d", c.request}, c.call)
		if !strings.Contains(out, c.want) {
			t.Errorf("%s of %s: want %s in\n%s", c.call, c.request, c.want, out)
		}
	}
	missing := w.Grpcurl(t, harness.Scanner, []string{"-d", `{"name": "nobody"}`}, "tidemark.scanner.v1.ImageRepositoryService/GetImageRepository")
	if missing.Code == 0 || !strings.Contains(missing.Err, "NotFound") || !strings.Contains(missing.Err, "OBJECT_NOT_FOUND") {
		t.Errorf("Get of nobody: exit code %d\n%s", missing.Code, missing.Err)
	}
}

// streamCalls ends watches by grpcurl's own deadline; what they sent until then is what is looked at.
func streamCalls(t *testing.T, w *harness.World) {
	t.Helper()
	watch := w.Grpcurl(t, harness.Resolver, []string{"-max-time", "2", "-d", "{}"}, "tidemark.resolver.v1.ImagePolicyService/WatchImagePolicies")
	for _, want := range []string{`"changed"`, lessonPolicy, `"checkpoint"`, `"resumeToken"`} {
		if !strings.Contains(watch.Out, want) {
			t.Errorf("WatchImagePolicies: want %s in\n%s%s", want, watch.Out, watch.Err)
		}
	}
	tags := grpcurl(t, w, harness.Scanner, []string{"-d", `{"repository": {"name": "` + lessonRepo + `"}}`}, "tidemark.scanner.v1.TagService/StreamTags")
	for _, want := range []string{`"whole": true`, `"name": "7.8.0"`, `"complete"`} {
		if !strings.Contains(tags, want) {
			t.Errorf("StreamTags: want %s in\n%s", want, tags)
		}
	}
}

// grpcurl makes a call that must succeed. What is no list or description must be JSON.
func grpcurl(t *testing.T, w *harness.World, service harness.Service, flags []string, what ...string) string {
	t.Helper()
	result := w.Grpcurl(t, service, flags, what...)
	if result.Code != 0 {
		t.Fatalf("grpcurl %q %q ended with %d:\n%s%s", flags, what, result.Code, result.Out, result.Err)
	}
	if strings.Contains(what[0], "/") {
		if err := isJSON(result.Out); err != nil {
			t.Errorf("grpcurl %q %q: %v:\n%s", flags, what, err, result.Out)
		}
	}
	return result.Out
}

// isJSON returns an error unless text is one or more objects of JSON that are not all empty.
func isJSON(text string) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	filled := false
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		switch {
		case errors.Is(err, io.EOF) && filled:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("it is empty")
		case err != nil:
			return err
		}
		filled = filled || len(object) > 0
	}
}

func TestHealthTellsOfEachServiceAndItsUpstream(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		for service, names := range services() {
			names = append(names, "", string(service))
			if service != harness.Scanner {
				names = append(names, string(service)+".upstream")
			}
			for _, name := range names {
				out := grpcurl(t, w, service, []string{"-d", fmt.Sprintf(`{"service": %q}`, name)}, "grpc.health.v1.Health/Check")
				if !strings.Contains(out, `"SERVING"`) {
					t.Errorf("health of %q: %s", name, out)
				}
			}
		}
	})
}

func TestWithoutItsUpstreamAServiceAnswersFromWhatItKnows(t *testing.T) {
	t.Parallel()
	w := suite.NewWorld(t, harness.Trio(), harness.Options{})
	lessonParts(t, w)
	w.Apply(t, w.Manifest(t, "lesson.yaml"))
	w.AwaitCondition(t, harness.Policy(lessonPolicy), harness.Ready("resolved to 7.8.1"))
	w.Apply(t, harness.SourceManifest("gitops", w.Git.RepositoryURL("gitops.git")), harness.UpdateManifest("gitops", "gitops", "1m", ""))
	w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("pushed commit"))

	const up, down = healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING
	for _, c := range []struct {
		upstream, service harness.Service
		look              func() string
	}{
		{harness.Scanner, harness.Resolver, func() string { return latestRef(t, w, lessonPolicy).GetTag() }},
		{harness.Resolver, harness.Updater, func() string {
			return automation(t, w, "gitops").GetStatus().GetObservedPolicies()[lessonPolicy].GetTag()
		}},
	} {
		if err := w.Process(c.upstream).Kill(); err != nil {
			t.Fatal(err)
		}
		w.AwaitHealth(t, c.service, string(c.service)+".upstream", down)
		w.AwaitHealth(t, c.service, string(c.service), up)
		w.AwaitHealth(t, c.service, "", up)
		if tag := c.look(); tag != "7.8.1" {
			t.Errorf("without its %s the %s answers %q", c.upstream, c.service, tag)
		}
		getShowsTheOthers(t, w, c.upstream)
		w.Process(c.upstream).Start(t)
		w.AwaitHealth(t, c.service, string(c.service)+".upstream", up)
	}
	// Work goes on.
	w.Push(t, lessonImage, "7.8.2")
	w.AwaitServing(t)
	w.Do(t, "reconcile", "image", "repository", lessonRepo)
	w.AwaitFile(t, "gitops.git", lessonFile, ":7.8.2 ")
}

// getShowsTheOthers makes sure that `get image all` shows what the services that are there know, and says which is not.
func getShowsTheOthers(t *testing.T, w *harness.World, away harness.Service) {
	t.Helper()
	result := w.CLI(t, "get", "image", "all")
	for service, row := range map[harness.Service]string{
		harness.Scanner: "imagerepository/", harness.Resolver: "imagepolicy/", harness.Updater: "imageupdateautomation/",
	} {
		if strings.Contains(result.Out, row) == (service == away) {
			t.Errorf("get image all without the %s:\n%s", away, result.Out)
		}
	}
	want := "no server answers on " + w.Address(away) + "; start one with `tidemark up`, or name it with --" + string(away) + "-server"
	if result.Code != 1 || !strings.Contains(result.Err, want) {
		t.Errorf("get image all: exit code %d, want %q in\n%s", result.Code, want, result.Err)
	}
}
