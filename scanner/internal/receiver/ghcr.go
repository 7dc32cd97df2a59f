// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import "strings"

// ghcr is GitHub's container registry: the events `package` and `registry_package`. Other events of the same hook have no
// effect.
func ghcr() protocol {
	return protocol{prove: signed(githubSignature, githubSignatureSHA1), read: readGHCR, events: true}
}

func readGHCR(c Call) (Notice, error) {
	notice := Notice{Event: c.Header.Get(githubEvent), Payload: githubPayload(c)}
	if !isPackageEvent(notice.Event) {
		notice.Idle = true
		return notice, nil
	}
	var err error
	notice.Images, err = readPackage(notice.Payload)
	return notice, err
}

func isPackageEvent(event string) bool { return event == "package" || event == "registry_package" }

type githubPackage struct {
	Name  string `json:"name"`
	Owner struct {
		Login string `json:"login"`
	} `json:"owner"`
	Namespace string `json:"namespace"`
	Version   struct {
		Container struct {
			Tag struct {
				Name string `json:"name"`
			} `json:"tag"`
		} `json:"container_metadata"`
	} `json:"package_version"`
}

func readPackage(body []byte) ([]Image, error) {
	var payload struct {
		Package         githubPackage `json:"package"`
		RegistryPackage githubPackage `json:"registry_package"`
	}
	if err := decode(body, &payload); err != nil {
		return nil, err
	}
	p := payload.Package
	if p.Name == "" {
		p = payload.RegistryPackage
	}
	owner := p.Owner.Login
	if owner == "" {
		owner = p.Namespace
	}
	if p.Name == "" || owner == "" {
		return nil, nil
	}
	// Image names are lower case, logins need not be.
	return []Image{{Repository: strings.ToLower("ghcr.io/" + owner + "/" + p.Name), Tag: p.Version.Container.Tag.Name}}, nil
}
