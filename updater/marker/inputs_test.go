// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"bytes"
	"fmt"
	"strings"
)

// realisticDeployment is a Deployment as people write them: about 90 lines, with
// two marked images whose tag is the argument.
func realisticDeployment(name, tag string) string {
	return strings.NewReplacer("NAME", name, "TAG", tag).Replace(`# Owned by the platform team; see docs/runbooks/NAME.md before you change it.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
  namespace: production
  labels:
    app.kubernetes.io/name: NAME
    app.kubernetes.io/component: api
    app.kubernetes.io/part-of: shop
  annotations:
    reloader.stakater.com/auto: "true"
spec:
  replicas: 3
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 25%
      maxUnavailable: 0
  selector:
    matchLabels:
      app.kubernetes.io/name: NAME
  template:
    metadata:
      labels:
        app.kubernetes.io/name: NAME
        app.kubernetes.io/component: api
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "9797"
    spec:
      serviceAccountName: NAME
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        fsGroup: 10001
      initContainers:
        - name: migrate
          image: ghcr.io/shop/NAME:TAG # {"$imagepolicy": "flux-system:podinfo"}
          command: ["/app/migrate", "--wait", "--timeout=5m"]
          envFrom:
            - secretRef:
                name: NAME-db
      containers:
        - name: app
          image: ghcr.io/shop/NAME:TAG # {"$imagepolicy": "flux-system:podinfo"}
          imagePullPolicy: IfNotPresent
          ports:
            - name: http
              containerPort: 9898
              protocol: TCP
            - name: metrics
              containerPort: 9797
              protocol: TCP
          env:
            - name: LOG_LEVEL
              value: info
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            # the limit below, less what the runtime needs itself
            - name: GOMEMLIMIT
              value: 230MiB
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            initialDelaySeconds: 5
            timeoutSeconds: 5
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 10
          resources:
            requests: {cpu: 100m, memory: 64Mi}
            limits: {cpu: "2", memory: 256Mi}
          volumeMounts:
            - name: data
              mountPath: /data
      volumes:
        - name: data
          emptyDir: {}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
`)
}

// bundle is a file of many documents, as a build of manifests prints them: size
// bytes at least. One document in twenty is marked.
func bundle(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		doc := realisticDeployment(fmt.Sprintf("service-%d", i), "1.0.0")
		if i%20 != 0 {
			doc = strings.ReplaceAll(doc, "$imagepolicy", "$comment")
		}
		b.WriteString("---\n" + doc)
	}
	return b.Bytes()
}

// largeValues is a chart's values of about 20,000 lines in one document, of
// which each of the 1,250 services has a marked tag.
func largeValues() []byte {
	var b bytes.Buffer
	for i := range 1250 {
		fmt.Fprintf(&b, `service%d:
  enabled: true
  # -- how many of it run
  replicaCount: 2
  image:
    repository: ghcr.io/shop/service-%d
    tag: 1.0.0 # {"$imagepolicy": "flux-system:podinfo:tag"}
    pullPolicy: IfNotPresent
  resources:
    limits: {cpu: 500m, memory: 256Mi}
  nodeSelector: {}
  env:
    - name: A
      value: "b"
  hosts: [a.example.com, "b.example.com"]

`, i, i)
	}
	return b.Bytes()
}
