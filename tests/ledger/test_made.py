"""The verifiers of others themselves, on logs made here: sizes at which tiles fill up, forged tiles, rewritten history, quorums of witnesses."""

import pytest

import made
from verifiers import assert_accepted, assert_refused, go, sigstore

LOG = made.signer("made.example/log")
WITNESSES = [made.signer(f"witness.example/w{number}", made.COSIGNER) for number in (1, 2, 3)]


def entries(count: int) -> list[bytes]:
    return [b"decision %d: permit" % number for number in range(count)]


# 70,000 is the example of C2SP tlog-tiles: three levels of tiles.
@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000])
def test_sizes_at_which_tiles_fill_up_are_accepted(tmp_path, size):
    assert_accepted(made.log(tmp_path / "log", entries(size), LOG), LOG.vkey)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300, 70_000])
def test_an_entry_and_its_tile_forged_under_a_sound_checkpoint_is_refused(tmp_path, size):
    """CVE-2026-56865: readers of tiles that do not check every tile against its parent believe it."""
    folder = made.log(tmp_path / "log", entries(size), LOG)
    forged = entries(size)
    forged[min(1795, size - 1)] = b"decision 1795: denied"
    made.forge(folder, forged, "level 0")
    assert_refused(folder, LOG.vkey)
    assert "root" in go("-dir", folder, "-vkey", LOG.vkey).said
    assert "signed root" in sigstore(folder, "--index", min(1795, size - 1)).said


def test_history_rewritten_with_the_right_key_is_refused_by_whoever_kept_a_checkpoint(tmp_path):
    kept = made.log(tmp_path / "kept", entries(300), LOG)
    later = made.log(tmp_path / "later", entries(600), LOG)
    rewritten = made.log(tmp_path / "rewritten", [b"decision 0: denied", *entries(600)[1:]], LOG)
    assert go("-dir", later, "-vkey", LOG.vkey, "-old", kept / "checkpoint").accepted
    assert go("-dir", rewritten, "-vkey", LOG.vkey).accepted
    said = go("-dir", rewritten, "-vkey", LOG.vkey, "-old", kept / "checkpoint")
    assert not said.accepted and "does not begin with" in said.said
    assert go("-dir", kept, "-vkey", LOG.vkey, "-old", made.log(tmp_path / "empty", [], LOG) / "checkpoint").accepted
    other = made.log(tmp_path / "other", entries(300), made.signer("other.example/log"))
    assert not go("-dir", later, "-vkey", LOG.vkey, "-old", other / "checkpoint").accepted


ROOT = made.text(LOG.name, entries(3)).split("\n")[2]
NOT_CHECKPOINTS = {
    "of another log": f"other.example/log\n3\n{ROOT}\n",
    "of no log": f"\n3\n{ROOT}\n",
    "a zero before the size": f"{LOG.name}\n03\n{ROOT}\n",
    "a plus before the size": f"{LOG.name}\n+3\n{ROOT}\n",
    "a blank before the size": f"{LOG.name}\n 3\n{ROOT}\n",
    "a negative size": f"{LOG.name}\n-3\n{ROOT}\n",
    "a root with stray bits": f"{LOG.name}\n3\n{ROOT[:-2]}{chr(ord(ROOT[-2]) + 1)}=\n",
    "a root that is too long": f"{LOG.name}\n3\n{ROOT[:-1]}{ROOT}\n",
    "no root": f"{LOG.name}\n3\n",
}


@pytest.mark.parametrize("name", NOT_CHECKPOINTS)
def test_what_the_log_signs_must_be_a_checkpoint_of_its_own(tmp_path, name):
    folder = made.log(tmp_path / "log", entries(3), LOG)
    text = NOT_CHECKPOINTS[name]
    (folder / "checkpoint").write_text(f"{text}\n{LOG.line(text)}", encoding="utf-8")
    assert_refused(folder, LOG.vkey)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_quorum_of_two_of_three_witnesses(tmp_path, count):
    folder = made.log(tmp_path / "log", entries(3), LOG)
    text = made.text(LOG.name, entries(3))
    signatures = "".join(signer.line(text) for signer in (LOG, *WITNESSES[:count]))
    (folder / "checkpoint").write_text(f"{text}\n{signatures}", encoding="utf-8")
    policy = tmp_path / "policy"
    lines = [f"log {LOG.vkey}", *(f"witness w{number} {witness.vkey}" for number, witness in enumerate(WITNESSES))]
    policy.write_text("\n".join([*lines, "group any-of any w1 w2", "group all-of all w0 any-of", "quorum all-of", ""]), encoding="utf-8")
    assert go("-dir", folder, "-policy", policy).accepted == (count >= 2)
    # Who knows no witness asks for none.
    assert_accepted(folder, LOG.vkey)


def test_one_witness_under_two_lines_counts_once(tmp_path):
    folder = made.log(tmp_path / "log", entries(3), LOG)
    text = made.text(LOG.name, entries(3))
    signatures = LOG.line(text) + WITNESSES[0].line(text, 1) + WITNESSES[0].line(text, 2)
    (folder / "checkpoint").write_text(f"{text}\n{signatures}", encoding="utf-8")
    policy = tmp_path / "policy"
    lines = [f"log {LOG.vkey}", *(f"witness w{number} {witness.vkey}" for number, witness in enumerate(WITNESSES))]
    policy.write_text("\n".join([*lines, "group two 2 w0 w1 w2", "quorum two", ""]), encoding="utf-8")
    assert not go("-dir", folder, "-policy", policy).accepted


W = f"witness w {WITNESSES[0].vkey}\n"
BAD_POLICIES = {
    "no quorum": "",
    "an unknown quorum": "quorum nobody\n",
    "two quorums": "quorum none\nquorum none\n",
    "more than there are": W + "group g 2 w\nquorum g\n",
    "a member twice": W + "group g 2 w w\nquorum g\n",
    "a member of two groups": W + "group g any w\ngroup h any w\nquorum h\n",
    "a key under two names": W + W.replace("witness w", "witness v") + "quorum w\n",
    "a name twice": W + f"witness w {WITNESSES[1].vkey}\nquorum w\n",
    "a log's key as witness": f"witness w {LOG.vkey}\nquorum none\n",
    "the log twice": 2 * f"log {LOG.vkey}\n" + "quorum none\n",
    "a bad key": "log x\nquorum none\n",
    "none as member": W + "group g any none w\nquorum none\n",
    "other words": "what is this\nquorum none\n",
}


def test_a_policy_may_ask_for_nobody(tmp_path):
    folder = made.log(tmp_path / "log", entries(3), LOG)
    file = tmp_path / "policy"
    file.write_text("# nobody\n\n\t" + W + "quorum  none\n", encoding="utf-8")
    assert go("-dir", folder, "-vkey", LOG.vkey, "-policy", file).accepted


@pytest.mark.parametrize("policy", BAD_POLICIES)
def test_policies_that_are_not_understood_are_refused(tmp_path, policy):
    folder = made.log(tmp_path / "log", entries(3), LOG)
    file = tmp_path / "policy"
    file.write_text(BAD_POLICIES[policy], encoding="utf-8")
    said = go("-dir", folder, "-vkey", LOG.vkey, "-policy", file)
    assert not said.accepted and said.said.startswith("policy: "), said
