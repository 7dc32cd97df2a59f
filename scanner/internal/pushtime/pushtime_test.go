// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package pushtime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/scanner/internal/pushtime"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// pushed is when the n-th of a vendor's tags was pushed.
func pushed(n int) time.Time { return began.Add(time.Duration(n) * time.Hour) }

// vendor is a registry's API with the tags t0, t1, …: it answers as the real one does.
type vendor struct {
	*httptest.Server
	requests []*http.Request
}

func serve(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *vendor {
	t.Helper()
	v := &vendor{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.requests = append(v.requests, r)
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) host() string { return strings.TrimPrefix(v.URL, "http://") }

func write(w http.ResponseWriter, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(err)
	}
}

// page is the part of the tags that a request's page has.
func page(r *http.Request, count int, size string) (numbers []int, more bool) {
	query := r.URL.Query()
	limit, _ := strconv.Atoi(query.Get(size))
	at, _ := strconv.Atoi(query.Get("page"))
	for n := (at - 1) * limit; n < min(at*limit, count); n++ {
		numbers = append(numbers, n)
	}
	return numbers, at*limit < count
}

func number(tag string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(tag, "t"))
	return n, err == nil && strings.HasPrefix(tag, "t")
}

func dockerHub(count int) func(http.ResponseWriter, *http.Request) {
	tag := func(n int) map[string]any {
		if n == 2 {
			return map[string]any{"name": "t2", "tag_last_pushed": nil, "full_size": 5}
		}
		return map[string]any{"name": fmt.Sprint("t", n), "tag_last_pushed": pushed(n).Format("2006-01-02T15:04:05.000000Z")}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		const list = "/v2/namespaces/library/repositories/alpine/tags"
		if name, one := strings.CutPrefix(r.URL.Path, list+"/"); one {
			if n, ok := number(name); ok && n < count {
				write(w, tag(n))
				return
			}
		} else if r.URL.Path == list {
			numbers, more := page(r, count, "page_size")
			answer := map[string]any{"count": count, "next": nil, "previous": nil}
			if more {
				answer["next"] = "https://elsewhere.example.com/"
			}
			results := []any{}
			for _, n := range numbers {
				results = append(results, tag(n))
			}
			answer["results"] = results
			write(w, answer)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		write(w, map[string]any{"message": "httperror 404: object not found", "errinfo": map[string]any{}})
	}
}

func quay(count int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/repository/org/app/tag/" || r.URL.Query().Get("onlyActiveTags") != "true" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		tag := func(n int) any {
			return map[string]any{"name": fmt.Sprint("t", n), "start_ts": pushed(n).Unix(), "last_modified": pushed(n).Format(time.RFC1123Z)}
		}
		tags, more := []any{}, false
		if name := r.URL.Query().Get("specificTag"); name != "" {
			if n, ok := number(name); ok && n < count {
				tags = append(tags, tag(n))
			}
		} else {
			var numbers []int
			numbers, more = page(r, count, "limit")
			for _, n := range numbers {
				tags = append(tags, tag(n))
			}
		}
		write(w, map[string]any{"tags": tags, "page": 1, "has_additional": more})
	}
}

// harbor wants the credentials of its registry.
func harbor(count int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "robot$ci" || password != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			write(w, map[string]any{"errors": []any{map[string]string{"code": "UNAUTHORIZED"}}})
			return
		}
		const list = "/api/v2.0/projects/apps/repositories/team%252Fweb/artifacts"
		artifact := func(n int) any {
			return map[string]any{
				"digest": "sha256:0", "push_time": began.Format(time.RFC3339),
				"tags": []any{map[string]any{"name": fmt.Sprint("t", n), "push_time": pushed(n).Format("2006-01-02T15:04:05.000Z")}},
			}
		}
		path := r.URL.EscapedPath()
		if name, one := strings.CutPrefix(path, list+"/"); one {
			if n, ok := number(name); ok && n < count && r.URL.Query().Get("with_tag") == "true" {
				write(w, artifact(n))
				return
			}
		} else if path == list {
			numbers, _ := page(r, count, "page_size")
			artifacts := []any{}
			for _, n := range numbers {
				artifacts = append(artifacts, artifact(n))
			}
			write(w, artifacts)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}
}

// amazon answers DescribeImages as ECR does: with an error if one of the images is not there.
func amazon(t *testing.T, count int) func(http.ResponseWriter, *http.Request) {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			RegistryID     string `json:"registryId"`
			RepositoryName string `json:"repositoryName"`
			ImageIDs       []struct {
				ImageTag string `json:"imageTag"`
			} `json:"imageIds"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		if r.Header.Get("X-Amz-Target") != "AmazonEC2ContainerRegistry_V20150921.DescribeImages" ||
			!strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/ecr/aws4_request") {
			t.Errorf("asked %q, signed %q", r.Header.Get("X-Amz-Target"), r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fail := func(code string) {
			w.WriteHeader(http.StatusBadRequest)
			write(w, map[string]string{"__type": code, "message": "arn:aws:secret"})
		}
		if asked.RegistryID != "123456789012" || asked.RepositoryName != "team/app" {
			fail("RepositoryNotFoundException")
			return
		}
		details := []any{}
		for _, id := range asked.ImageIDs {
			n, ok := number(id.ImageTag)
			if !ok || n >= count {
				fail("ImageNotFoundException")
				return
			}
			details = append(details, map[string]any{
				"imageDigest": "sha256:0", "imageTags": []string{"other", id.ImageTag}, "imagePushedAt": pushed(n).Unix(),
			})
		}
		write(w, map[string]any{"imageDetails": details})
	}
}

func TestEachRegistryTellsWhenItsTagsWerePushed(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	const ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
	for name, c := range map[string]struct {
		answer     func(http.ResponseWriter, *http.Request)
		configure  func(v *vendor) pushtime.Config
		host       string // empty: the vendor's own
		repository string
		untold     int // the tag of which nothing is known, though it is there; -1: none
	}{
		"Docker Hub": {dockerHub(250), func(v *vendor) pushtime.Config { return pushtime.Config{Hub: v.URL + "/"} }, "index.docker.io", "library/alpine", 2},
		"Quay":       {quay(250), func(v *vendor) pushtime.Config { return pushtime.Config{Quay: []string{v.host()}} }, "", "org/app", -1},
		"Harbor":     {harbor(250), func(v *vendor) pushtime.Config { return pushtime.Config{Harbor: []string{v.host()}} }, "", "apps/team/web", -1},
		"ECR":        {amazon(t, 250), func(v *vendor) pushtime.Config { return pushtime.Config{ECR: v.URL} }, ecr, "team/app", -1},
	} {
		for asked, tags := range map[string][]string{
			"one tag": {"t7"}, "few, one of them gone": {"t2", "gone", "t249"},
			"many, on all pages": {"t0", "t1", "t2", "t99", "t100", "t249"}, "many, one gone": {"t0", "t1", "t2", "t3", "t4", "t5", "gone"},
		} {
			t.Run(name+", "+asked, func(t *testing.T) {
				v := serve(t, c.answer)
				host := c.host
				if host == "" {
					host = v.host()
				}
				got, err := pushtime.New(c.configure(v)).Pushed(t.Context(), pushtime.Query{
					Host: host, Repository: c.repository, Tags: tags, Plain: true,
					Username: "robot$ci", Password: "s3cret", CloudIdentity: true,
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, tag := range tags {
					n, there := number(tag)
					at, told := got[tag]
					if want := there && n != c.untold; told != want || told && !at.Equal(pushed(n)) {
						t.Errorf("%s: %v, told: %t", tag, at, told)
					}
				}
				if len(v.requests) > 2*len(tags)+3 {
					t.Errorf("%d requests for %d tags", len(v.requests), len(tags))
				}
				for _, r := range v.requests {
					if _, _, with := r.BasicAuth(); with && name != "Harbor" {
						t.Error("the registry's credentials were sent elsewhere")
					}
				}
			})
		}
	}
}

func TestOfOtherRegistriesNothingIsTold(t *testing.T) {
	for _, host := range []string{"ghcr.io", "registry.example.com", "127.0.0.1:5000", "public.ecr.aws", "quay.io.evil.example.com:1",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example.com"} {
		api := pushtime.New(pushtime.Config{}).Of(host)
		if strings.HasPrefix(host, "quay.") != (api != nil) {
			t.Errorf("%s: %T", host, api)
		}
	}
	for _, host := range []string{"index.docker.io", "quay.io", "quay.example.com", "harbor.example.com",
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"} {
		if pushtime.New(pushtime.Config{}).Of(host) == nil {
			t.Errorf("%s is not known", host)
		}
	}
	got, err := pushtime.New(pushtime.Config{}).Pushed(t.Context(), pushtime.Query{
		Host: "123456789012.dkr.ecr.eu-west-1.amazonaws.com", Repository: "app", Tags: []string{"1"},
	})
	if got != nil || err != nil {
		t.Errorf("ECR without leave to use the identity: %v, %v", got, err)
	}
}

func TestWhatGoesWrongIsToldAndBounded(t *testing.T) {
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprint("t", i)
	}
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   error
	}{
		"private": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, pushtime.ErrRefused},
		"absent":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, pushtime.ErrNotFound},
		"limited": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, pushtime.ErrRateLimited},
		"down":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, pushtime.ErrUnreachable},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		}, pushtime.ErrInvalidResponse},
		"HTML":          {func(w http.ResponseWriter, _ *http.Request) { write(w, "<html>") }, pushtime.ErrInvalidResponse},
		"a broken list": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"tags":[`)) }, pushtime.ErrInvalidResponse},
		"a gigabyte": {func(w http.ResponseWriter, _ *http.Request) {
			chunk := []byte(strings.Repeat(" ", 1<<20))
			for range 1 << 10 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, pushtime.ErrInvalidResponse},
		"pages without end": {func(w http.ResponseWriter, _ *http.Request) {
			write(w, map[string]any{"tags": []any{map[string]any{"name": "x", "start_ts": 1}}, "has_additional": true})
		}, pushtime.ErrInvalidResponse},
	} {
		t.Run(name, func(t *testing.T) {
			v := serve(t, c.answer)
			registries := pushtime.New(pushtime.Config{Quay: []string{v.host()}})
			_, err := registries.Pushed(t.Context(), pushtime.Query{Host: v.host(), Repository: "org/app", Tags: many, Plain: true})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			if len(v.requests) > 100 {
				t.Errorf("%d requests", len(v.requests))
			}
		})
	}
}

func TestTimesThatMakeNoSenseAreNotTold(t *testing.T) {
	v := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]any{"tags": []any{
			map[string]any{"name": "t0", "start_ts": -5}, map[string]any{"name": "t1", "start_ts": int64(1) << 62},
			map[string]any{"name": "t2"}, map[string]any{"name": "t3", "start_ts": pushed(3).Unix()},
		}})
	})
	tags := []string{"t0", "t1", "t2", "t3", "t4", "t5"}
	got, err := pushtime.New(pushtime.Config{Quay: []string{v.host()}}).Pushed(t.Context(),
		pushtime.Query{Host: v.host(), Repository: "org/app", Tags: tags, Plain: true})
	if err != nil || len(got) != 1 || !got["t3"].Equal(pushed(3)) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestErrorsShowNoAddressesAndNoWordsOfOthers(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	v := serve(t, amazon(t, 0))
	_, err := pushtime.New(pushtime.Config{ECR: v.URL}).Pushed(t.Context(), pushtime.Query{
		Host: "123456789012.dkr.ecr.eu-west-1.amazonaws.com", Repository: "other", Tags: []string{"t1"}, CloudIdentity: true,
	})
	if !errors.Is(err, pushtime.ErrNotFound) || strings.Contains(err.Error(), "arn:") {
		t.Errorf("got %v", err)
	}
	v.Close()
	_, err = pushtime.New(pushtime.Config{Quay: []string{v.host()}}).Pushed(t.Context(),
		pushtime.Query{Host: v.host(), Repository: "org/app", Tags: []string{"t1"}, Plain: true})
	if !errors.Is(err, pushtime.ErrUnreachable) || strings.Contains(err.Error(), "specificTag") {
		t.Errorf("got %v", err)
	}
	address, _ := url.Parse(v.URL)
	if slices.Contains(strings.Fields(err.Error()), address.String()) {
		t.Errorf("got %v", err)
	}
}
