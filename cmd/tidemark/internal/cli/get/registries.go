// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// registries is the command of the registries' hosts. They are no objects: what the scanner has learnt of them, and nothing
// that somebody applied.
func (v *verb) registries() *cobra.Command {
	return &cobra.Command{
		Use:     "registries",
		Aliases: []string{"registry"},
		Short:   "Show the registries' hosts: what they allow, and which are down",
		Long: "Show the hosts that the scanner has talked to lately, one row per host and credential: the requests under way and\n" +
			"allowed at once, the repositories that wait for a turn, what the host's RateLimit headers leave, and until when a\n" +
			"host is left alone that asked for a pause or is down. A scanner with several replicas shows one replica's view.",
		Example: "  tidemark get registries\n  tidemark get registries -o yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return v.showRegistries(cmd)
		},
	}
}

func (v *verb) showRegistries(cmd *cobra.Command) error {
	switch o := v.options; {
	case o.watch:
		return fmt.Errorf("--watch: the registries' hosts cannot be watched; ask again")
	case o.output != "" && o.output != outputWide && o.output != outputJSON && o.output != outputYAML:
		return fmt.Errorf("-o %s: the output is json or yaml", o.output)
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	conn, err := v.servers.To(ctx, kinds.Scanner)
	if err != nil {
		return err
	}
	answer, err := scannerv1.NewRegistryHostServiceClient(conn).ListRegistryHosts(ctx, &scannerv1.ListRegistryHostsRequest{})
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	switch {
	case v.options.output == outputJSON || v.options.output == outputYAML:
		return writeRegistries(out, v.options.output, answer)
	case len(answer.GetRegistryHosts()) == 0:
		return fmt.Errorf("the scanner has talked to no registry yet")
	}
	rows := make([][]string, len(answer.GetRegistryHosts()))
	for i, host := range answer.GetRegistryHosts() {
		rows[i] = registryRow(host)
	}
	header := []string{"HOST", "CREDENTIAL", "STATE", "IN FLIGHT", "WAITING", "REMAINING", "RETRY AFTER", "MESSAGE"}
	return table.New(out, header, v.options.noHeader).Write(rows)
}

func registryRow(host *scannerv1.RegistryHost) []string {
	remaining := ""
	if host.GetLimit() > 0 || host.GetRemaining() > 0 {
		remaining = strconv.FormatInt(host.GetRemaining(), 10)
	}
	if host.GetLimit() > 0 {
		remaining += "/" + strconv.FormatInt(host.GetLimit(), 10)
	}
	message := host.GetLastError()
	if failures := host.GetFailures(); failures > 1 {
		message = fmt.Sprintf("%s (%d times in a row)", message, failures)
	}
	return []string{
		host.GetHost(), host.GetCredential(), registryState(host.GetState()),
		fmt.Sprintf("%d/%d", host.GetInFlight(), host.GetMaxInFlight()), strconv.Itoa(int(host.GetWaiting())),
		remaining, table.Moment(host.GetRetryTime()), message,
	}
}

func registryState(state scannerv1.RegistryHostState) string {
	return cmp.Or(map[scannerv1.RegistryHostState]string{
		scannerv1.RegistryHostState_REGISTRY_HOST_STATE_OK:      "ok",
		scannerv1.RegistryHostState_REGISTRY_HOST_STATE_LIMITED: "limited",
		scannerv1.RegistryHostState_REGISTRY_HOST_STATE_DOWN:    "down",
	}[state], "unknown")
}

// writeRegistries writes the answer in the contract's JSON, with zeros: whoever reads it need not know what is left out.
func writeRegistries(out io.Writer, form string, answer proto.Message) error {
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write the registries: %w", err)
	}
	var buffer bytes.Buffer
	if form == outputJSON {
		if err := json.Indent(&buffer, text, "", "    "); err != nil {
			return fmt.Errorf("write the registries: %w", err)
		}
		buffer.WriteByte('\n')
		return writeBytes(out, buffer.Bytes())
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return fmt.Errorf("write the registries: %w", err)
	}
	w := yaml.NewEncoder(&buffer)
	w.SetIndent(2)
	w.CompactSeqIndent()
	if err := w.Encode(tree); err != nil {
		return fmt.Errorf("write the registries: %w", err)
	}
	return writeBytes(out, buffer.Bytes())
}
