// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// trusted names the file with the public key to a test binary that git runs in place of gpg or ssh-keygen, so that
// git verify-commit runs also where there is no gpg.
const trusted = "SIGNING_TEST_TRUSTED"

func TestMain(m *testing.M) {
	file := os.Getenv(trusted)
	if file == "" {
		os.Exit(m.Run())
	}
	if err := verify(file, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verify(file string, args []string) error {
	public, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return err
	}
	payload, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if at := slices.Index(args, "--verify"); at >= 0 {
		return verifyGPG(public, args[at+1], payload)
	}
	return verifySSH(public, args, payload)
}

// verifyGPG is gpg --status-fd=1 --verify SIGNATURE -.
func verifyGPG(public []byte, signature string, payload []byte) error {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(public))
	if err != nil {
		return err
	}
	armored, err := os.ReadFile(filepath.Clean(signature))
	if err != nil {
		return err
	}
	fmt.Println("[GNUPG:] NEWSIG")
	signer, err := openpgp.CheckArmoredDetachedSignature(ring, bytes.NewReader(payload), bytes.NewReader(armored), nil)
	if err != nil {
		fmt.Println("[GNUPG:] BADSIG", ring[0].PrimaryKey.KeyIdString(), "somebody")
		return err
	}
	fmt.Println("[GNUPG:] GOODSIG", signer.PrimaryKey.KeyIdString(), signer.PrimaryIdentity().Name)
	return nil
}

// verifySSH is ssh-keygen -Y find-principals, check-novalidate or verify.
func verifySSH(public []byte, args []string, payload []byte) error {
	after := func(flag string) string {
		if at := slices.Index(args, flag); at >= 0 && at+1 < len(args) {
			return args[at+1]
		}
		return ""
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil {
		return err
	}
	armored, err := os.ReadFile(filepath.Clean(after("-s")))
	if err != nil {
		return err
	}
	signature, err := sshsig.Unarmor(armored)
	if err != nil {
		return err
	}
	switch after("-Y") {
	case "find-principals":
		if !bytes.Equal(signature.PublicKey.Marshal(), key.Marshal()) {
			return errors.New("no principal matched")
		}
		fmt.Println("bot@example.com")
		return nil
	case "verify":
		if err := sshsig.Verify(bytes.NewReader(payload), signature, key, sshsig.HashSHA512, after("-n")); err != nil {
			return err
		}
		fmt.Printf("Good \"git\" signature for bot@example.com with %s key %s\n",
			strings.TrimPrefix(key.Type(), "ssh-"), ssh.FingerprintSHA256(key))
		return nil
	default:
		return errors.New("not the trusted key")
	}
}
