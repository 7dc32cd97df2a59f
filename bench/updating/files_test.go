// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// size is that of a repository: how many YAML files, how many of them with one marker, and how many policies these name in
// turn.
type size struct{ files, marked, policies int }

// changing is how many files have the markers of the first policy.
func (s size) changing() int { return (s.marked + s.policies - 1) / s.policies }

const (
	// perApplication is how many files an application has, of which the first and the last may be marked.
	perApplication = 4
	firstTag       = "1.0.0"
	seed           = 20_000
)

// repositoryFiles makes a repository's files, path to content: Deployments, Services, ConfigMaps and HelmReleases of
// applications in nested folders. Equal arguments make equal files. The marked ones are spread evenly; all have this image.
func repositoryFiles(s size, image string) map[string]string {
	random := rand.New(rand.NewPCG(seed, uint64(s.files))) // #nosec G404 -- equal in each run
	applications := (s.files + perApplication - 1) / perApplication
	files := make(map[string]string, s.files)
	policies := 0
	for i := range s.files {
		a := application{number: i / perApplication, random: random}
		// The k-th marked application is the one where the count of them reaches k.
		a.marked = a.number*s.marked/applications != (a.number+1)*s.marked/applications
		a.image, a.policy = image, policyName(policies%s.policies)
		name, content := a.file(i % perApplication)
		files[a.folder()+"/"+name] = content
		if strings.Contains(content, marker.Key) {
			policies++
		}
	}
	return files
}

func policyName(number int) string { return fmt.Sprintf("app-%04d", number) }

// application is one of a repository.
type application struct {
	number int
	marked bool
	image  string
	policy string // the markers'
	random *rand.Rand
}

func (a application) name() string { return fmt.Sprintf("service-%04d", a.number) }

func (a application) namespace() string { return fmt.Sprintf("team-%02d", a.number%37) }

func (a application) folder() string {
	environment := []string{"production", "staging", "test"}[a.number%3]
	return fmt.Sprintf("clusters/%s/region-%d/%s/%s", environment, a.number%5, a.namespace(), a.name())
}

// file is one of the application's. Half of the marked ones have the marker in the Deployment, half in the HelmRelease.
func (a application) file(kind int) (name, content string) {
	deployed := a.marked && (a.number%2 == 0 || a.number == 0)
	switch kind {
	case 0:
		return "deployment.yaml", a.deployment(deployed)
	case 1:
		return "service.yaml", a.service()
	case 2:
		return "config.yaml", a.config()
	default:
		return "release.yaml", a.release(a.marked && !deployed)
	}
}

// tag is a tag and, in a marked file, its marker; other files have an image that nobody sets.
func (a application) tag(marked bool, part string) string {
	if marked {
		return fmt.Sprintf(`%s # {"$imagepolicy": "flux-system:%s%s"}`, firstTag, a.policy, part)
	}
	return fmt.Sprintf("%d.%d.%d", a.random.IntN(5), a.random.IntN(20), a.random.IntN(40))
}

func (a application) imageName(marked bool) string {
	if marked {
		return a.image
	}
	return "registry.example.com/" + a.namespace() + "/" + a.name()
}

func (a application) deployment(marked bool) string {
	return fmt.Sprintf(`# %[1]s serves %[2]s.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: %[2]s
  labels:
    app.kubernetes.io/name: %[1]s
    app.kubernetes.io/part-of: %[2]s
spec:
  replicas: %[3]d
  selector:
    matchLabels:
      app.kubernetes.io/name: %[1]s
  template:
    metadata:
      labels:
        app.kubernetes.io/name: %[1]s
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "9090"
    spec:
      serviceAccountName: %[1]s
      containers:
        - name: %[1]s
          image: %[4]s:%[5]s
          args: ["--listen=:8080", "--log-level=info", "--shard=%[6]d"]
          ports:
            - name: http
              containerPort: 8080
          envFrom:
            - configMapRef: {name: %[1]s}
          resources:
            requests: {cpu: %[7]dm, memory: %[8]dMi}
            limits: {memory: %[8]dMi}
          readinessProbe:
            httpGet: {path: /readyz, port: http}
`, a.name(), a.namespace(), 1+a.random.IntN(9), a.imageName(marked), a.tag(marked, ""), a.random.IntN(64),
		10*(1+a.random.IntN(50)), 32*(1+a.random.IntN(32)))
}

func (a application) service() string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata:
  name: %[1]s
  namespace: %[2]s
spec:
  type: ClusterIP
  selector:
    app.kubernetes.io/name: %[1]s
  ports:
    - name: http
      port: %[3]d
      targetPort: http
`, a.name(), a.namespace(), 8000+a.random.IntN(1000))
}

func (a application) config() string {
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: %s\ndata:\n", a.name(), a.namespace())
	for i := range 3 + a.random.IntN(20) {
		fmt.Fprintf(&text, "  SETTING_%02d: \"%x\"\n", i, a.random.Uint64())
	}
	return text.String()
}

func (a application) release(marked bool) string {
	return fmt.Sprintf(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: %[1]s-cache
  namespace: %[2]s
spec:
  interval: %[3]dm
  chart:
    spec:
      chart: redis
      version: ">=18.0.0 <19.0.0"
      sourceRef:
        kind: HelmRepository
        name: charts
  values:
    image:
      repository: %[4]s
      tag: %[5]s
    architecture: standalone
    auth:
      enabled: false
    master:
      persistence:
        size: %[6]dGi
`, a.name(), a.namespace(), 5+a.random.IntN(55), a.imageName(marked), a.tag(marked, ":tag"), 1+a.random.IntN(64))
}

func TestARepositoryHasItsFilesAndMarkersAndIsEqualEachTime(t *testing.T) {
	for _, s := range []size{{1, 1, 1}, {1000, 1, 1}, {1000, 50, 1}, {4000, 200, 200}} {
		files, again := repositoryFiles(s, "registry.example.com/app"), repositoryFiles(s, "registry.example.com/app")
		marked, bytes, policies := 0, 0, map[string]int{}
		for path, content := range files {
			if again[path] != content {
				t.Errorf("%+v: %s differs", s, path)
			}
			found, problems, err := marker.Find([]byte(content), marker.Options{})
			if err != nil || len(problems) > 0 {
				t.Fatalf("%s: %v, %v", path, err, problems)
			}
			marked += len(found)
			for _, each := range found {
				policies[each.Name]++
			}
			bytes += len(content)
		}
		if len(files) != s.files || marked != s.marked || len(policies) != s.policies || policies[policyName(0)] != s.changing() {
			t.Errorf("%d files with %d markers of %d policies, want %+v", len(files), marked, len(policies), s)
		}
		t.Logf("%+v: %d bytes", s, bytes)
	}
}
