// Verifies an exported ledger (C2SP tlog-tiles, tlog-checkpoint, tlog-proof, tlog-policy) with the Go team's golang.org/x/mod/sumdb/note and
// .../tlog, and no code of Comity: what it accepts, an auditor can accept without trusting us. The root is rebuilt from the entries, and
// every file below tile/ is compared with the rebuilt hashes. It must never use tlog.TileHashReader, which believes forged tiles
// (CVE-2026-56865), and never fetch anything.
//
//	verify -dir DIR [-vkey KEY | -policy FILE] [-old CHECKPOINT] [-proof FILE [-leaf FILE]]
//	verify -proof FILE [-leaf FILE] (-vkey KEY | -policy FILE)
//
// Exit code 0: all of it holds. 1: refused, with one line that says why. 2: called wrongly.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	keyFile    = "log.vkey"
)

var (
	dirFlag    = flag.String("dir", "", "folder of the exported log")
	vkeyFlag   = flag.String("vkey", "", "the log's verifier key; without it, and without a policy, the one in DIR/"+keyFile)
	policyFlag = flag.String("policy", "", "file with a tlog-policy: which logs and which witnesses must have signed")
	oldFlag    = flag.String("old", "", "file with an earlier checkpoint: the log must begin with the tree that it names")
	proofFlag  = flag.String("proof", "", "file with a tlog-proof")
	leafFlag   = flag.String("leaf", "", "file with the entry that the proof is about; without it, the entry in DIR, or else the proof's extra data")
	flipsFlag  = flag.Int("flips", 0, "flip this many bits of each byte (1 or 8), one by one, in memory, and name every flip that is accepted")
)

func main() {
	flag.Parse()
	if flag.NArg() != 0 || (*dirFlag == "" && *proofFlag == "") || (*dirFlag == "" && *oldFlag != "") || (*flipsFlag != 0 && *flipsFlag != 1 && *flipsFlag != 8) {
		flag.Usage()
		os.Exit(2)
	}
	said, err := run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "refused: %v\n", err)
		os.Exit(1)
	}
	fmt.Println(said)
}

func run() (string, error) {
	known, err := trust()
	if err != nil {
		return "", err
	}
	if *flipsFlag != 0 {
		return flips(known)
	}
	if *dirFlag == "" {
		proof, err := os.ReadFile(*proofFlag)
		if err != nil {
			return "", err
		}
		return checkProof(proof, known, nil)
	}
	log, err := audit(folder(*dirFlag), known.open, tlog.RecordHash)
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("ok: %d entries lead to the signed root %v of %s", log.size, log.root, log.origin)
	if *oldFlag != "" {
		if err := checkOld(log, known); err != nil {
			return "", err
		}
		said += "; the log begins with the earlier checkpoint"
	}
	if *proofFlag != "" {
		proof, err := os.ReadFile(*proofFlag)
		if err != nil {
			return "", err
		}
		more, err := checkProof(proof, known, log)
		if err != nil {
			return "", err
		}
		said += "; " + strings.TrimPrefix(more, "ok: ")
	}
	return said, nil
}

// === Entries, tiles, root ===

// rebuilt is a log whose hashes were all computed here, from its entries, and lead to a signed root.
type rebuilt struct {
	checkpoint
	from   source
	hashes hashes
}

// audit reads every entry and every tile.
func audit(from source, open func([]byte) (checkpoint, error), leafHash func([]byte) tlog.Hash) (*rebuilt, error) {
	message, err := from.read("checkpoint")
	if err != nil {
		return nil, err
	}
	head, err := open(message)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	log := &rebuilt{head, from, make(hashes, 0, tlog.StoredHashCount(head.size))}
	for n := int64(0); n*tileWidth < head.size; n++ {
		if err := log.addBundle(n, leafHash); err != nil {
			return nil, err
		}
	}
	root, err := log.hashes.root(head.size)
	if err != nil {
		return nil, err
	}
	if root != head.root {
		return nil, fmt.Errorf("the %d entries lead to root %v, the checkpoint has %v", head.size, root, head.root)
	}
	return log, log.checkFiles()
}

// addBundle hashes the entries of bundle n. It compares them with their tile at once, so that the first wrong entry is named.
func (log *rebuilt) addBundle(n int64, leafHash func([]byte) tlog.Hash) error {
	name := tilePath("entries", n, widthAt(log.size, 0, n))
	entries, err := log.bundle(n)
	if err != nil {
		return err
	}
	tileName := tilePath("0", n, widthAt(log.size, 0, n))
	tile, err := log.from.read(tileName)
	if err != nil {
		return err
	}
	if len(tile) != len(entries)*tlog.HashSize {
		return fmt.Errorf("%s has %d bytes instead of %d", tileName, len(tile), len(entries)*tlog.HashSize)
	}
	for i, entry := range entries {
		hash := leafHash(entry)
		if !bytes.Equal(hash[:], tile[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			return fmt.Errorf("entry %d in %s does not match its hash in %s", n*tileWidth+int64(i), name, tileName)
		}
		more, err := tlog.StoredHashesForRecordHash(n*tileWidth+int64(i), hash, log.hashes)
		if err != nil {
			return err
		}
		log.hashes = append(log.hashes, more...)
	}
	return nil
}

// bundle gives the entries of bundle n: each has its length before it, as two bytes, big-endian.
func (log *rebuilt) bundle(n int64) ([][]byte, error) {
	width := widthAt(log.size, 0, n)
	name := tilePath("entries", n, width)
	data, err := log.from.read(name)
	if err != nil {
		return nil, err
	}
	entries := make([][]byte, 0, width)
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s ends within an entry", name)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if int64(len(entries)) != width {
		return nil, fmt.Errorf("%s has %d entries instead of %d", name, len(entries), width)
	}
	return entries, nil
}

// checkFiles compares every file below tile/ with the rebuilt hashes: each that the size demands must be there, and no other, but for
// partial tiles and bundles of earlier checkpoints, which must be beginnings of the present ones.
func (log *rebuilt) checkFiles() error {
	for level := int64(0); log.size>>(tileHeight*level) > 0; level++ {
		for n := int64(0); widthAt(log.size, level, n) > 0; n++ {
			if err := log.checkTile(level, n, widthAt(log.size, level, n)); err != nil {
				return err
			}
		}
	}
	names, err := log.from.tiles()
	if err != nil {
		return err
	}
	for _, name := range names {
		level, n, width, ok := parseTilePath(name)
		full := int64(0)
		if ok && level == "entries" {
			full = widthAt(log.size, 0, n)
		} else if l, err := strconv.ParseInt(level, 10, 8); ok && err == nil && l < 8 && strconv.FormatInt(l, 10) == level {
			full = widthAt(log.size, l, n)
		}
		if full < width || width == 0 {
			return fmt.Errorf("%s belongs to no tree of %d entries", name, log.size)
		}
		if full > width {
			if err := log.checkEarlier(name, level, n, width); err != nil {
				return err
			}
		}
	}
	return nil
}

func (log *rebuilt) checkTile(level, n, width int64) error {
	name := tilePath(strconv.FormatInt(level, 10), n, width)
	data, err := log.from.read(name)
	if err != nil {
		return err
	}
	want := make([]byte, 0, width*tlog.HashSize)
	for i := n * tileWidth; i < n*tileWidth+width; i++ {
		hash := log.hashes[tlog.StoredHashIndex(int(tileHeight*level), i)]
		want = append(want, hash[:]...)
	}
	if !bytes.Equal(data, want) {
		return fmt.Errorf("%s does not hold the hashes that its entries lead to", name)
	}
	return nil
}

func (log *rebuilt) checkEarlier(name, level string, n, width int64) error {
	if level != "entries" {
		l, err := strconv.ParseInt(level, 10, 8)
		if err != nil {
			return err
		}
		return log.checkTile(l, n, width)
	}
	entries, err := log.bundle(n)
	if err != nil {
		return err
	}
	var want []byte
	for _, entry := range entries[:width] {
		want = append(want, byte(len(entry)>>8), byte(len(entry)))
		want = append(want, entry...)
	}
	data, err := log.from.read(name)
	if err == nil && !bytes.Equal(data, want) {
		err = fmt.Errorf("%s is no beginning of the present bundle", name)
	}
	return err
}

// hashes are all hashes of a tree, in the order of tlog.StoredHashIndex; in memory, 64 bytes an entry.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d is not there", index)
		}
		found[i] = h[index]
	}
	return found, nil
}

// root is RFC 6962's, also for the empty tree, for which older releases of x/mod give zeros.
func (h hashes) root(size int64) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, h)
}

// === Earlier checkpoints and proofs ===

func checkOld(log *rebuilt, known *trusted) error {
	message, err := os.ReadFile(*oldFlag)
	if err != nil {
		return err
	}
	old, err := known.open(message)
	if err == nil {
		err = log.beginsWith(old)
	}
	if err != nil {
		return fmt.Errorf("earlier checkpoint: %w", err)
	}
	return nil
}

func (log *rebuilt) beginsWith(old checkpoint) error {
	if old.origin != log.origin {
		return fmt.Errorf("is of the log %s, not of %s", old.origin, log.origin)
	}
	if old.size > log.size {
		return fmt.Errorf("has %d entries, the log only %d", old.size, log.size)
	}
	if old.size == 0 {
		if old.root != sha256.Sum256(nil) {
			return errors.New("has no entries and not the root of no entries")
		}
		return nil
	}
	proof, err := tlog.ProveTree(log.size, old.size, log.hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, log.size, log.root, old.size, old.root); err != nil {
		return fmt.Errorf("the log does not begin with its %d entries: %w", old.size, err)
	}
	return nil
}

// checkProof checks a tlog-proof; the log, where there is one, must begin with its tree and have its entry.
func checkProof(text []byte, known *trusted, log *rebuilt) (string, error) {
	proof, err := parseProof(string(text))
	if err != nil {
		return "", fmt.Errorf("proof: %w", err)
	}
	head, err := known.open([]byte(proof.message))
	if err != nil {
		return "", fmt.Errorf("proof: %w", err)
	}
	leaf := proof.extra
	if log != nil {
		if err := log.beginsWith(head); err != nil {
			return "", fmt.Errorf("proof: its checkpoint %w", err)
		}
		if proof.index < log.size {
			entries, err := log.bundle(proof.index / tileWidth)
			if err != nil {
				return "", err
			}
			leaf = entries[proof.index%tileWidth]
		}
	}
	if *leafFlag != "" {
		if leaf, err = os.ReadFile(*leafFlag); err != nil {
			return "", err
		}
	}
	if leaf == nil {
		return "", errors.New("proof: of which entry? It has no extra data: give -leaf or -dir")
	}
	if err := tlog.CheckRecord(proof.hashes, head.size, head.root, proof.index, tlog.RecordHash(leaf)); err != nil {
		return "", fmt.Errorf("proof: entry %d does not lead to the signed root of %d entries: %w", proof.index, head.size, err)
	}
	return fmt.Sprintf("ok: entry %d is in the tree of %d entries with the signed root %v of %s", proof.index, head.size, head.root, head.origin), nil
}

type proof struct {
	extra   []byte
	index   int64
	hashes  tlog.RecordProof
	message string
}

func parseProof(text string) (*proof, error) {
	head, message, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return nil, errors.New("does not begin with c2sp.org/tlog-proof@v1")
	}
	parsed := &proof{message: message}
	lines = lines[1:]
	var err error
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if parsed.extra, err = base64.StdEncoding.Strict().DecodeString(lines[0][len("extra "):]); err != nil {
			return nil, fmt.Errorf("extra data: %w", err)
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return nil, errors.New("has no line with the index")
	}
	if parsed.index, err = parseNumber(lines[0][len("index "):]); err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		hash, err := parseHash(line)
		if err != nil {
			return nil, err
		}
		parsed.hashes = append(parsed.hashes, hash)
	}
	return parsed, nil
}

// === Checkpoints ===

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// open checks the signatures, that the log named in the first line is the one that signed, and that the quorum is met.
func (known *trusted) open(message []byte) (checkpoint, error) {
	signed, err := note.Open(message, known)
	if err != nil {
		return checkpoint{}, err
	}
	head, err := parseCheckpoint(signed.Text)
	if err != nil {
		return head, err
	}
	// note.Open takes base64 with stray bits in its last sign; a byte that can be changed unseen is one too many.
	for _, line := range strings.SplitAfter(string(message[len(signed.Text)+1:]), "\n") {
		base64Part := line[strings.LastIndex(line, " ")+1:]
		if _, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(base64Part, "\n")); err != nil {
			return head, fmt.Errorf("a signature line is not as it is written: %w", err)
		}
	}
	byLog, by := false, make(map[note.Verifier]bool)
	for _, signature := range signed.Sigs {
		for _, verifier := range known.logs {
			byLog = byLog || isBy(signature, verifier) && signature.Name == head.origin
		}
		for _, verifier := range known.witnesses {
			by[verifier] = by[verifier] || isBy(signature, verifier)
		}
	}
	if !byLog {
		return head, fmt.Errorf("is not signed by the log that it names, %s", head.origin)
	}
	if known.quorum != nil && !known.quorum(by) {
		return head, errors.New("too few witnesses have signed for the policy's quorum")
	}
	return head, nil
}

func isBy(signature note.Signature, verifier note.Verifier) bool {
	return signature.Name == verifier.Name() && signature.Hash == verifier.KeyHash()
}

func parseCheckpoint(text string) (checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || lines[0] == "" {
		return checkpoint{}, errors.New("has not the three lines of a checkpoint")
	}
	for _, line := range lines {
		if line == "" {
			return checkpoint{}, errors.New("has an empty line")
		}
	}
	size, err := parseNumber(lines[1])
	if err != nil {
		return checkpoint{}, err
	}
	root, err := parseHash(lines[2])
	return checkpoint{lines[0], size, root}, err
}

func parseNumber(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 63)
	if err != nil || number < 0 || strconv.FormatInt(number, 10) != text {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return number, nil
}

func parseHash(text string) (tlog.Hash, error) {
	var hash tlog.Hash
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(data) != len(hash) || len(text) != base64.StdEncoding.EncodedLen(len(hash)) {
		return hash, fmt.Errorf("%q is no hash", text)
	}
	copy(hash[:], data)
	return hash, nil
}

// === Whom to believe ===

// trusted is a tlog-policy: any of the logs, and the quorum of witnesses; nil: none is needed.
type trusted struct {
	logs      []note.Verifier
	witnesses map[string]*cosigner
	quorum    quorum
}

type quorum func(signedBy map[note.Verifier]bool) bool

// Verifier is what note.Open asks for.
func (known *trusted) Verifier(name string, hash uint32) (note.Verifier, error) {
	all := append([]note.Verifier{}, known.logs...)
	for _, witness := range known.witnesses {
		all = append(all, witness)
	}
	for _, verifier := range all {
		if verifier.Name() == name && verifier.KeyHash() == hash {
			return verifier, nil
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

func trust() (*trusted, error) {
	known := &trusted{witnesses: make(map[string]*cosigner)}
	if *policyFlag != "" {
		text, err := os.ReadFile(*policyFlag)
		if err != nil {
			return nil, err
		}
		if err := known.readPolicy(string(text)); err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
	}
	vkey := *vkeyFlag
	if vkey == "" && len(known.logs) == 0 {
		if *dirFlag == "" {
			return nil, errors.New("nobody is trusted: give -vkey or -policy")
		}
		text, err := os.ReadFile(filepath.Join(*dirFlag, keyFile))
		if err != nil {
			return nil, err
		}
		vkey = strings.TrimSuffix(string(text), "\n")
	}
	if vkey != "" {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("the log's key %q: %w", vkey, err)
		}
		known.logs = []note.Verifier{verifier}
	}
	return known, nil
}

func (known *trusted) readPolicy(text string) error {
	names, quorums := policyNames{defined: map[string]quorum{"none": nil}, members: make(map[string]bool)}, 0
	for _, line := range strings.Split(text, "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		var err error
		switch {
		case words[0] == "log" && (len(words) == 2 || len(words) == 3):
			err = known.addLog(words[1])
		case words[0] == "witness" && (len(words) == 3 || len(words) == 4):
			err = known.addWitness(words[1], words[2], names)
		case words[0] == "group" && len(words) >= 4:
			err = names.addGroup(words[1], words[2], words[3:])
		case words[0] == "quorum" && len(words) == 2:
			found, defined := names.defined[words[1]]
			if quorums++; !defined || quorums > 1 {
				err = errors.New("no such group, or a second quorum")
			}
			known.quorum = found
		default:
			err = errors.New("not understood")
		}
		if err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
	}
	if quorums != 1 {
		return errors.New("has no quorum line")
	}
	return nil
}

func (known *trusted) addLog(vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	for _, other := range known.logs {
		if isBy(note.Signature{Name: other.Name(), Hash: other.KeyHash()}, verifier) {
			return errors.New("the log is there twice")
		}
	}
	known.logs = append(known.logs, verifier)
	return nil
}

func (known *trusted) addWitness(name, vkey string, names policyNames) error {
	verifier, err := newCosigner(vkey)
	if err != nil {
		return err
	}
	if _, taken := names.defined[name]; taken {
		return errors.New("the name is taken")
	}
	for _, other := range known.witnesses {
		if bytes.Equal(other.key, verifier.key) {
			return errors.New("the same key under two names would count twice")
		}
	}
	known.witnesses[name] = verifier
	names.defined[name] = func(signedBy map[note.Verifier]bool) bool { return signedBy[verifier] }
	return nil
}

// policyNames are the witnesses and groups that are defined so far, and those that are members already: nobody counts twice.
type policyNames struct {
	defined map[string]quorum
	members map[string]bool
}

func (names policyNames) addGroup(name, threshold string, members []string) error {
	k, err := strconv.Atoi(threshold)
	switch threshold {
	case "any":
		k, err = 1, nil
	case "all":
		k, err = len(members), nil
	}
	if _, taken := names.defined[name]; taken || err != nil || k < 1 || k > len(members) {
		return errors.New("the name is taken, or the threshold is not between 1 and the number of members")
	}
	var parts []quorum
	for _, member := range members {
		part := names.defined[member]
		if part == nil || names.members[member] {
			return fmt.Errorf("%s is not defined above, or is a member already", member)
		}
		parts, names.members[member] = append(parts, part), true
	}
	names.defined[name] = func(signedBy map[note.Verifier]bool) bool {
		count := 0
		for _, part := range parts {
			if part(signedBy) {
				count++
			}
		}
		return count >= k
	}
	return nil
}

// cosigner verifies Ed25519 cosignatures (C2SP tlog-cosignature, type 4), which x/mod does not know; a log's own key (type 1) is refused.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("is no verifier key")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("is no key of Ed25519 cosignatures (type 4), the only ones known here")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		return nil, errors.New("has not the key id of its name and key")
	}
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }
func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), text)
	return ed25519.Verify(c.key, []byte(signed), signature[8:])
}

// === Files ===

// source gives files by their paths in the log, with `/`.
type source interface {
	read(name string) ([]byte, error)
	// tiles names every file below tile/.
	tiles() ([]string, error)
}

type folder string

func (dir folder) read(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(dir), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing", name)
	}
	return data, err
}

func (dir folder) tiles() ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(string(dir)), "tile", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == "tile" {
			return nil
		}
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// widthAt is how many hashes tile n of a level has in a tree of this size: 0 if it is not there, 256 if it is full.
func widthAt(size, level, n int64) int64 {
	width := size>>(tileHeight*level) - n*tileWidth
	if width > tileWidth {
		return tileWidth
	}
	if width < 0 {
		return 0
	}
	return width
}

// tilePath is `tile/<level>/x001/x234/067`, with `.p/<width>` if it is partial.
func tilePath(level string, n, width int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if width < tileWidth {
		path += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + path
}

// parseTilePath is the inverse of tilePath; not ok for a path that tilePath would write otherwise.
func parseTilePath(path string) (level string, n, width int64, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		return "", 0, 0, false
	}
	level, width = parts[1], tileWidth
	digits := strings.Join(parts[2:], "/")
	if before, after, partial := strings.Cut(digits, ".p/"); partial {
		digits = before
		width, _ = strconv.ParseInt(after, 10, 63)
	}
	n, err := strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(digits), 10, 63)
	return level, n, width, err == nil && n >= 0 && n < 1<<54 && tilePath(level, n, width) == path
}

// === Flips ===

// memory is a log, or a proof, held in memory.
type memory map[string][]byte

func (files memory) read(name string) ([]byte, error) {
	if data, ok := files[name]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("%s is missing", name)
}

func (files memory) tiles() ([]string, error) {
	var names []string
	for name := range files {
		if strings.HasPrefix(name, "tile/") {
			names = append(names, name)
		}
	}
	return names, nil
}

// flips reads the log and the proof once, then checks each with one bit changed at a time. What an unchanged checkpoint says and
// the hashes of unchanged entries are remembered by their bytes; nothing else is left out.
func flips(known *trusted) (string, error) {
	var tried int
	var accepted []string
	var log *rebuilt
	if *dirFlag != "" {
		files, err := load(folder(*dirFlag))
		if err != nil {
			return "", err
		}
		remembered := make(map[string]tlog.Hash)
		log, err = audit(files, known.open, func(leaf []byte) tlog.Hash {
			remembered[string(leaf)] = tlog.RecordHash(leaf)
			return remembered[string(leaf)]
		})
		if err != nil {
			return "", fmt.Errorf("before any flip: %w", err)
		}
		tried, accepted = files.flipAll(func(changed memory) error {
			_, err := audit(changed, func(message []byte) (checkpoint, error) {
				if bytes.Equal(message, files["checkpoint"]) {
					return log.checkpoint, nil
				}
				return known.open(message)
			}, func(leaf []byte) tlog.Hash {
				if hash, ok := remembered[string(leaf)]; ok {
					return hash
				}
				return tlog.RecordHash(leaf)
			})
			return err
		})
	}
	if *proofFlag != "" {
		text, err := os.ReadFile(*proofFlag)
		if err == nil {
			_, err = checkProof(text, known, log)
		}
		if err != nil {
			return "", fmt.Errorf("before any flip: %w", err)
		}
		more, also := memory{*proofFlag: text}.flipAll(func(changed memory) error {
			_, err := checkProof(changed[*proofFlag], known, log)
			return err
		})
		tried, accepted = tried+more, append(accepted, also...)
	}
	for _, flip := range accepted {
		fmt.Println("accepted", flip)
	}
	if len(accepted) > 0 {
		return "", fmt.Errorf("%d of %d flips were accepted", len(accepted), tried)
	}
	return fmt.Sprintf("ok: each of %d flips was refused", tried), nil
}

// load reads the checkpoint and every file below tile/.
func load(from folder) (memory, error) {
	names, err := from.tiles()
	if err != nil {
		return nil, err
	}
	files := make(memory)
	for _, name := range append(names, "checkpoint") {
		if files[name], err = from.read(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// flipAll gives the number of flips, and of those that were accepted: file, offset and bit.
func (files memory) flipAll(check func(memory) error) (int, []string) {
	var lock sync.Mutex
	var work sync.WaitGroup
	tried, accepted := 0, []string(nil)
	for share := 0; share < runtime.NumCPU(); share++ {
		work.Add(1)
		go func(share int) {
			defer work.Done()
			for name := range files {
				count, found := files.flipFile(name, share, check)
				lock.Lock()
				tried, accepted = tried+count, append(accepted, found...)
				lock.Unlock()
			}
		}(share)
	}
	work.Wait()
	sort.Strings(accepted)
	return tried, accepted
}

// flipFile does one processor's share of a file's bytes.
func (files memory) flipFile(name string, share int, check func(memory) error) (int, []string) {
	changed := make(memory)
	for other, data := range files {
		changed[other] = data
	}
	data := append([]byte{}, files[name]...)
	changed[name] = data
	tried, accepted := 0, []string(nil)
	for offset := share; offset < len(data); offset += runtime.NumCPU() {
		for bit := 0; bit < *flipsFlag; bit++ {
			// One bit a byte: not always the same.
			mask := byte(1) << ((offset + bit) % 8)
			data[offset] ^= mask
			if check(changed) == nil {
				accepted = append(accepted, fmt.Sprintf("%s %d %d", name, offset, mask))
			}
			data[offset] ^= mask
			tried++
		}
	}
	return tried, accepted
}
